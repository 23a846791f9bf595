//! The reader and the writer of recordings, for the fuzz targets.

use super::format::read;
use crate::protocol::redact::Secrets;

/// Reads a recording. Returns it as it is written again, or the JSON pointer and the reason of the error.
pub fn rewrite(text: &str) -> Result<String, (String, String)> {
    let interactions = read(text).map_err(|fault| (fault.pointer, fault.what))?;
    let mut out = b"{\"bedrock_recording\": 1, \"interactions\": [".to_vec();
    for (index, interaction) in interactions.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        interaction.write(&mut out, &Secrets::default()).expect("memory takes all bytes");
    }
    out.extend_from_slice(b"]}");
    let rewritten = String::from_utf8(out).expect("a recording is UTF-8");
    assert_eq!(read(&rewritten).as_ref(), Ok(&interactions), "{rewritten}");
    Ok(rewritten)
}
