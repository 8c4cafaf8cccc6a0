//! The shell integration: hooks that note each launch, how they are installed, and how they fare.
//!
//! The hooks are `shell/odin.{bash,zsh,fish}`; what they write is read by `source::spool`.

pub mod hook;
pub mod install;
pub mod places;
pub mod rc;
pub mod spool;
pub mod status;
