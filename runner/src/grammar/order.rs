//! Named fields in a fixed order, some of which may be missing.

use crate::error::{Error, Result};

/// Which fields of a file have been read.
pub(super) struct Order {
    file: &'static str,
    fields: &'static str,
    next: usize,
}

impl Order {
    /// `fields` names all, with a comma between them; `?` marks those that may be missing.
    pub(super) fn new(file: &'static str, fields: &'static str) -> Self {
        Self { file, fields, next: 0 }
    }

    /// Is it one of the fields?
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names().any(|field| field.trim_end_matches('?') == name)
    }

    /// Moves on to a field; all fields skipped must be optional.
    pub(super) fn step(&mut self, name: &str) -> Result<()> {
        let between = self.names().skip(self.next);
        for (skipped, field) in between.enumerate() {
            if field.trim_end_matches('?') == name {
                self.next += skipped + 1;
                return Ok(());
            }
            if !field.ends_with('?') {
                return Err(Error::Wrong(format!("{}: {name} stands where {field} should", self.file)));
            }
        }
        Err(Error::Wrong(format!("{}: {name} is out of order, or there twice", self.file)))
    }

    /// At the end: are no required fields missing?
    pub(super) fn finish(self) -> Result<()> {
        match self.names().skip(self.next).find(|field| !field.ends_with('?')) {
            Some(field) => Err(Error::Wrong(format!("{}: {field} is missing", self.file))),
            None => Ok(()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.fields.split(',').map(|name| name.trim_matches([' ', '\n']))
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn only_optional_fields_may_be_missing() {
        let passes = |names: &[&str]| {
            let mut order = Order::new("t", "a, b?, c");
            names.iter().try_for_each(|name| order.step(name)).and_then(|()| order.finish()).is_ok()
        };
        assert!(passes(&["a", "b", "c"]));
        assert!(passes(&["a", "c"]));
        for wrong in
            [&["a"] as &[_], &["c"], &["b", "a", "c"], &["a", "a", "c"], &["a", "c", "b"], &["a", "d", "c"]]
        {
            assert!(!passes(wrong), "{wrong:?}");
        }
    }
}
