//! SHA-256, and bytes as text.

use sha2::{Digest, Sha256};

/// SHA-256 of bytes (FIPS 180-4), as 64 digits in lower case.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal, two digits in lower case each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_one_of_the_standard() {
        // The example with one block of FIPS 180-4.
        assert_eq!(
            sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hexadecimal(&[0, 9, 255]), "0009ff");
    }
}
