//! Many sockets of one reactor.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::super::{Readiness, Watched};
use super::{READ, on_both};

#[test]
fn of_many_sockets_those_that_are_ready_are_reported() {
    on_both(|reactor| {
        let mut pairs: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
        for round in 0..20_usize {
            let chosen = [round, (round * 7 + 31) % 100, 99 - round];
            for index in chosen {
                pairs[index].1.write_all(b"x").unwrap();
            }
            let mut expected = chosen.to_vec();
            expected.sort_unstable();
            expected.dedup();
            let mut seen = Vec::new();
            while seen.len() < expected.len() {
                let sockets: Vec<_> = (0_u32..)
                    .zip(&pairs)
                    .map(|(token, (ours, _))| Watched {
                        token,
                        socket: ours.as_fd(),
                        interest: READ,
                    })
                    .collect();
                let mut ready = Vec::new();
                let note = |token, readiness: Readiness| {
                    assert!(readiness.readable);
                    ready.push(usize::try_from(token).unwrap());
                };
                reactor.park(&sockets, note).unwrap();
                for index in &ready {
                    pairs[*index].0.read_exact(&mut [0]).unwrap();
                    while pairs[*index].0.set_nonblocking(true).is_ok()
                        && pairs[*index].0.read(&mut [0]).is_ok_and(|bytes| bytes > 0)
                    {
                    }
                    pairs[*index].0.set_nonblocking(false).unwrap();
                }
                seen.extend(ready);
            }
            seen.sort_unstable();
            assert_eq!(seen, expected);
        }
        reactor.release_socket(3).unwrap();
        let (ours, mut theirs) = pairs.swap_remove(3);
        drop(ours);
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the peer sees the end");
    });
}
