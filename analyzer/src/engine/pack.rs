//! Memories small enough to store by the hundred thousand: JSON, deflated, as one base64 text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use std::io::{Read as _, Write as _};

/// Largest memory that is unpacked, bytes.
const MOST: u64 = 64 << 20;

/// The value as a packed text; as it is when it cannot be packed.
pub(crate) fn pack(value: Value) -> Value {
    let packed = || -> std::io::Result<String> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::fast());
        out.write_all(value.to_string().as_bytes())?;
        Ok(STANDARD_NO_PAD.encode(out.finish()?))
    };
    packed().map_or_else(|_| value.clone(), Value::String)
}

/// A stored memory, packed or not; `None` when it is damaged.
pub(crate) fn unpack(stored: &Value) -> Option<Value> {
    let Value::String(text) = stored else { return Some(stored.clone()) };
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    let mut json = Vec::new();
    DeflateDecoder::new(&*bytes).take(MOST).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_packed_comes_back_and_damage_is_told() {
        let value = json!({"rows": vec![0.123_456_789; 200], "labels": {"名": "值"}});
        let packed = pack(value.clone());
        assert!(packed.to_string().len() < value.to_string().len() / 4);
        assert_eq!(unpack(&packed), Some(value.clone()));
        assert_eq!(unpack(&value), Some(value), "memories of before are read");
        assert_eq!(unpack(&json!("no base64 !")), None);
        assert_eq!(unpack(&json!("AAAA")), None);
    }
}
