//! Memory that a process which runs all day gives back.
//!
//! glibc makes an arena for each thread that allocates (`mallopt(3)`, `M_ARENA_MAX`), and keeps what is freed in all of
//! them (`malloc_trim(3)`): beside few threads that do little, that is more than what is in use. Other allocators are
//! left alone.

/// From now on all threads share an arena. For programs whose threads seldom allocate at once.
pub fn share() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it sets a number, under the allocator's own lock.
        #[allow(unsafe_code)]
        let is_set = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) } == 1;
        debug_assert!(is_set, "glibc knows M_ARENA_MAX");
    }
}

/// Gives back what was freed. Takes a millisecond; to be done when much was.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes the allocator's own locks, and touches only what is free.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}
