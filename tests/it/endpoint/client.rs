//! A client that says exactly what it is told to.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Far beyond every deadline of a test: only a server that hangs is found out by it.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) struct Client<S: Read + Write = TcpStream> {
    stream: BufReader<S>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::over(connect(address))
    }

    /// Whether the server closes by then, without another word.
    pub(crate) fn is_closed_within(&mut self, wait: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(wait)).unwrap();
        match self.stream.read(&mut [0]) {
            Ok(read) => {
                assert_eq!(read, 0, "an answer");
                true
            }
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    pub(crate) fn shut(&self, how: Shutdown) {
        // Not where the server was faster.
        let _ = self.stream.get_ref().shutdown(how);
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    stream.set_write_timeout(Some(HANGS)).unwrap();
    stream
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn stream(&self) -> &S {
        self.stream.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
        self.stream.get_mut().flush().unwrap();
        self
    }

    /// Whether the server still listens is not known.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()).is_ok()
    }

    /// With `Host: localhost`, and further headers, each with its line's end.
    pub(crate) fn get(&mut self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"));
        self.answer().unwrap()
    }

    /// None: the server closed instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.read_answer(true)
    }

    /// Of HEAD, whose answer has the length of a body that does not come.
    pub(crate) fn head_only(&mut self) -> Option<Answer> {
        self.read_answer(false)
    }

    fn read_answer(&mut self, has_body: bool) -> Option<Answer> {
        let status = self.line()?.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = vec![];
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: vec![] };
        if has_body {
            answer.body.resize(answer.header("content-length").parse().unwrap(), 0);
            self.stream.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(read) if read > 0 => Some(line.trim_end_matches("\r\n").to_owned()),
            _ => None,
        }
    }

    /// Waits for the server to close, and tells what it said until then.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = vec![];
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => rest,
        }
    }
}

impl Answer {
    /// Empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
