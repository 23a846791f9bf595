use crate::settings::Settings;
pub fn run(_: &Settings) -> Vec<String> {
    Vec::new()
}
