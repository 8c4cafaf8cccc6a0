//! The shell integration: hooks that note each launch, where they are installed, and the spool that they write to.
//!
//! The hooks are `shell/odin.{bash,zsh,fish}`; `docs/shell.md` says what they promise.

pub mod hook;
pub mod install;
pub mod places;
pub mod rc;
pub mod spool;
