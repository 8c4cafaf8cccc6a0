//! Whether it is safe to listen on an address.

use std::net::SocketAddr;

use super::Error;

/// Refuses what other machines can reach without anybody being asked who they are, unless that is wanted.
pub fn check_bind(address: SocketAddr, has_auth: bool, is_insecure: bool) -> Result<(), Error> {
    if has_auth || is_insecure || address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Error::Unprotected { address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_auth() {
        for (address, is_safe) in [
            ("127.0.0.1:9477", true),
            ("127.8.8.8:9477", true),
            ("[::1]:9477", true),
            ("[::ffff:127.0.0.1]:9477", true),
            ("0.0.0.0:9477", false),
            ("[::]:9477", false),
            ("192.168.1.10:9477", false),
            ("[fe80::1]:9477", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(check_bind(address, false, false).is_ok(), is_safe, "{address}");
            assert!(check_bind(address, true, false).is_ok());
            assert!(check_bind(address, false, true).is_ok());
        }
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let said = check_bind("0.0.0.0:9477".parse().unwrap(), false, false).unwrap_err().to_string();
        for way in ["0.0.0.0:9477", "127.0.0.1", "--web.config.file", "--web.insecure"] {
            assert!(said.contains(way), "{said}");
        }
    }
}
