use engine_base::DatasetId;

use super::{PoolKey, SETTING_NAME_BYTES_MAX, data_key_key, session_key, setting_key};
use crate::testing::refused;
use crate::{SessionId, dataset_key};

#[test]
fn keys_come_back() {
    let id = DatasetId::new(17);
    assert_eq!(
        PoolKey::decode(&dataset_key(id)).expect("a key"),
        PoolKey::Dataset(id)
    );
    let key = data_key_key(id);
    assert_eq!(key, b"k\0\0\0\0\0\0\0\x11");
    assert_eq!(PoolKey::decode(&key).expect("a key"), PoolKey::DataKey(id));
    let session = SessionId::new(0x0102_0304).expect("not 0");
    assert_eq!(session_key(session), b"e\x01\x02\x03\x04");
    let decoded = PoolKey::decode(b"e\x01\x02\x03\x04");
    assert_eq!(decoded.expect("a key"), PoolKey::Session(session));
    let longest = [b'n'; SETTING_NAME_BYTES_MAX];
    for name in [&b"a"[..], b"key/demo", &longest] {
        let key = setting_key(name);
        assert_eq!(
            PoolKey::decode(&key).expect("a key"),
            PoolKey::Setting(name)
        );
    }
}

#[test]
fn settings_sort_behind_datasets() {
    assert!(setting_key(b"") > dataset_key(DatasetId::new(u64::MAX)).to_vec());
}

#[test]
fn other_keys_are_refused() {
    assert_eq!(refused(PoolKey::decode(b"")), "truncated");
    assert_eq!(refused(PoolKey::decode(b"d1234567")), "truncated");
    assert_eq!(refused(PoolKey::decode(b"x12345678")), "prefix");
    assert_eq!(refused(PoolKey::decode(b"k1234567")), "key_bytes");
    assert_eq!(refused(PoolKey::decode(b"e12345")), "key_bytes");
    assert_eq!(refused(PoolKey::decode(b"e\0\0\0\0")), "session");
    assert_eq!(refused(PoolKey::decode(b"s")), "name_bytes");
    let long = setting_key(&[b'n'; SETTING_NAME_BYTES_MAX + 1]);
    assert_eq!(refused(PoolKey::decode(&long)), "name_bytes");
}
