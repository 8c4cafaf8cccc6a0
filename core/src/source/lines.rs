//! Lines of an append-only file, from a byte offset on, in memory bounded by the longest line.

use std::fs::File;
use std::io::{self, Read};

const CHUNK: usize = 256 * 1024;

/// One line of a file, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    pub bytes: &'a [u8],
    /// False for what follows the last newline: the writer may not be done with it.
    pub is_terminated: bool,
}

impl Line<'_> {
    /// Where the next line starts.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64 + u64::from(self.is_terminated)
    }
}

/// Yields the lines of one file after another, keeping its buffer between them.
#[derive(Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// How far of it is known to hold no newline.
    scanned: usize,
    /// Offset of `buffer[start]` in the file.
    offset: u64,
    is_at_end: bool,
}

impl Reader {
    /// Begins a file whose read position is at `offset`.
    pub fn begin(&mut self, offset: u64) {
        if self.buffer.len() != CHUNK {
            self.buffer = vec![0; CHUNK];
        }
        (self.start, self.end, self.scanned) = (0, 0, 0);
        self.offset = offset;
        self.is_at_end = false;
    }

    /// The next line; none at the end of the file.
    pub fn next(&mut self, file: &mut File) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
                return Ok(Some(self.take(self.scanned + found, true)));
            }
            self.scanned = self.end;
            if self.is_at_end {
                return Ok((self.start < self.end).then(|| self.take(self.end, false)));
            }
            self.fill(file)?;
        }
    }

    fn take(&mut self, end: usize, is_terminated: bool) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        self.start = end + usize::from(is_terminated);
        self.scanned = self.start;
        self.offset += (self.start - start) as u64;
        Line { offset, bytes: &self.buffer[start..end], is_terminated }
    }

    /// Reads more, behind what is unread; the buffer doubles where that fills it.
    fn fill(&mut self, file: &mut File) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        (self.start, self.scanned) = (0, self.end);
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        let read = loop {
            match file.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        self.end += read;
        self.is_at_end = read == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Reader};
    use proptest::prelude::*;
    use std::io::{Seek, SeekFrom, Write};

    fn lines_from(bytes: &[u8], from: u64) -> Vec<(u64, Vec<u8>, bool)> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(from)).unwrap();
        let mut reader = Reader::default();
        reader.begin(from);
        let mut out = vec![];
        while let Some(line) = reader.next(&mut file).unwrap() {
            out.push((line.offset, line.bytes.to_vec(), line.is_terminated));
        }
        out
    }

    #[test]
    fn what_follows_the_last_newline_is_told_apart() {
        assert_eq!(
            lines_from(b"ab\n\nc", 0),
            [(0, b"ab".to_vec(), true), (3, vec![], true), (4, b"c".to_vec(), false)]
        );
    }

    #[test]
    fn a_line_longer_than_the_buffer_comes_whole() {
        let mut bytes = vec![b'x'; 5 * CHUNK + 7];
        bytes.extend_from_slice(b"\nshort\n");
        let lines = lines_from(&bytes, 0);
        assert_eq!(lines.iter().map(|l| l.1.len()).collect::<Vec<_>>(), [5 * CHUNK + 7, 5]);
    }

    proptest! {
        #[test]
        fn lines_join_to_the_file_and_start_where_they_say(text in "[ab\n]{0,200}", from in 0usize..200) {
            let from = from.min(text.len());
            let mut at = from as u64;
            let mut joined = vec![];
            for (offset, bytes, is_terminated) in lines_from(text.as_bytes(), from as u64) {
                prop_assert_eq!(offset, at);
                at += bytes.len() as u64 + u64::from(is_terminated);
                joined.extend(bytes);
                joined.extend(is_terminated.then_some(b'\n'));
            }
            prop_assert_eq!(&joined[..], &text.as_bytes()[from..]);
        }
    }
}
