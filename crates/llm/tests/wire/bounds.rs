//! Answers of any length and any compression: what is kept of them in memory has a bound.

use std::io::Write;

use expect_test::expect;
use flate2::Compression;
use flate2::write::GzEncoder;
use protocol::ModelError;
use testkit::vendor::{Answer, Fault};

use crate::vendors::{ALL, request};

fn zipped(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused_whole_or_packed() {
    let packed = zipped(64 << 20);
    assert!(packed.len() < 1 << 20, "it is small on the wire");
    let bodies = [
        (Vec::new(), vec![b' '; 33 << 20]),
        (
            vec![("content-encoding".to_owned(), "gzip".to_owned())],
            packed,
        ),
    ];
    for (headers, body) in bodies {
        for interface in ALL {
            let fault = Fault::Raw {
                headers: headers.clone(),
                body: body.clone(),
            };
            let (fake, reply) = interface.ask([Answer::Fault(fault)], &request()).await;
            let Err(ModelError::Unreadable { message, .. }) = reply else {
                panic!("{interface:?}: {reply:?}");
            };
            expect!["it is longer than 32 MiB"].assert_eq(&message);
            // Once more would cost as much and bring the same.
            assert_eq!(fake.received().len(), 1, "{interface:?}");
        }
    }
}
