//! The configuration, as whatever people write: faults with their places, or an inventory.

use netwolf_manager::fuzzing;

/// Reads a configuration. No other file is there for it.
///
/// # Panics
/// When a fault stands where nothing is.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match fuzzing::configuration(&text) {
        Ok(loaded) => assert!(!loaded.summary().to_string().is_empty()),
        Err(faults) => {
            assert!(faults.iter().count() > 0, "it is refused for a reason");
            // YAML has the carriage return for a line's end, too.
            let n_lines = text.split(['\n', '\r']).count();
            for fault in faults.iter() {
                let line = usize::try_from(fault.line).expect("a line number");
                // A text that ends too early is at fault behind its end.
                assert!(line <= n_lines + 1, "{fault} in {n_lines} lines");
                assert!(!fault.message.is_empty());
            }
        }
    }
}
