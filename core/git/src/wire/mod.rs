//! git's smart protocol as pure values: what is asked, what is answered. No I/O here.
//!
//! Formats: gitprotocol-pack(5), gitprotocol-v2(5), gitprotocol-http(5).

pub(crate) mod advertisement;
pub(crate) mod commands;
pub(crate) mod fetch;
pub(crate) mod listing;
pub(crate) mod pkt;
pub(crate) mod report;

/// What we call ourselves.
pub(crate) const AGENT: &str = concat!("agent=coregit/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use coregit_model::ObjectFormat;
    use proptest::prelude::*;

    use super::pkt::{self, Packet};
    use super::{advertisement, fetch, listing, report};

    /// Lines that are nearly what a server says.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let oid = "7f".repeat(20);
        let words = [
            "# service=git-receive-pack\n".to_owned(),
            format!("{oid} refs/heads/a\0report-status object-format=sha1"),
            format!("{oid} HEAD symref-target:refs/heads/a"),
            "ok refs/heads/a\n".into(),
            "\x01000eunpack ok\n0016ok refs/heads/a\n0000".into(),
            "\x01000".into(),
            "unpack ok".into(),
            "packfile\n".into(),
            "shallow-info\n".into(),
            format!("shallow {oid}"),
            "ERR no".into(),
        ];
        let known = prop::sample::select(words.map(String::into_bytes).to_vec());
        prop_oneof![known, prop::collection::vec(any::<u8>(), 0..60)]
    }

    fn packets() -> impl Strategy<Value = Vec<u8>> {
        let data = line().prop_map(|line| {
            let mut raw = Vec::new();
            pkt::write(&mut raw, &line).unwrap();
            raw
        });
        let special = prop::sample::select(vec![b"0000".to_vec(), b"0001".to_vec(), b"0002".to_vec()]);
        prop::collection::vec(prop_oneof![3 => data, 1 => special], 0..12).prop_map(|all| all.concat())
    }

    fn feed_all(packets: &[Packet]) {
        let mut list = advertisement::Reader::new("git-receive-pack");
        let _ = packets.iter().try_for_each(|p| list.take(p.clone()).map(drop));
        let _ = list.finish();
        for sideband in [false, true] {
            let mut report = report::Reader::new(sideband);
            let _ = packets.iter().try_for_each(|p| report.take(p.clone()));
            let _ = report.finish(&[coregit_model::RefName::parse("refs/heads/a").unwrap()]);
        }
        let mut pack = fetch::Reader::default();
        let _ = packets.iter().try_for_each(|p| pack.take(p.clone()).map(drop));
        let mut refs = listing::Listing::default();
        for packet in packets {
            if let Packet::Data(line) = packet {
                let _ = listing::take(&mut refs, line, ObjectFormat::Sha1);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

        #[test]
        fn no_answer_of_a_server_makes_a_reader_panic(raw in packets(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
            feed_all(&pkt::all(&raw).unwrap());
            feed_all(&pkt::all(&noise).unwrap_or_default());
        }
    }
}
