//! An answer's body, read piece by piece within a bound: a vendor, or whoever answers in its place, can send anything.

use reqwest::Response;

/// Longest body of an answer, counted after decompression; a few kilobytes on the wire can unpack to gigabytes.
pub(super) const BODY_BYTES_MAX: usize = 32 << 20;
/// Longest part of an error's body that is read.
pub(super) const ERROR_BODY_BYTES_MAX: usize = 256 << 10;

/// Why a body wasn't read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is longer than the bound.
    TooLong,
    /// The connection, or the compression, broke.
    Broken(reqwest::Error),
}

/// The whole body, if it isn't longer than this.
pub(super) async fn whole(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(Unread::Broken)? {
        if bytes_max - body.len() < piece.len() {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The beginning of a body, up to this length.
pub(super) async fn beginning(mut response: Response, bytes_max: usize) -> Vec<u8> {
    let mut body = Vec::new();
    // Whatever broke, what came so far may still say why the request was refused.
    while let Ok(Some(piece)) = response.chunk().await {
        let room = bytes_max - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if room <= piece.len() {
            break;
        }
    }
    body
}
