//! Reading little-endian fields out of bytes that may be cut short or nonsense.

/// Bytes with checked access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    pub(crate) fn byte(self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    pub(crate) fn u16(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, offset: usize) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// `size_bytes` bytes from `offset` on.
    pub(crate) fn part(self, offset: usize, size_bytes: usize) -> Option<Bytes<'a>> {
        self.0.get(offset..offset.checked_add(size_bytes)?).map(Bytes)
    }

    /// The text from `offset` to the first zero byte or the end; what is no UTF-8 ends it as well.
    pub(crate) fn text(self, offset: usize) -> &'a str {
        let bytes = self.0.get(offset..).unwrap_or_default();
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let bytes = bytes.get(..length).unwrap_or_default();
        match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => bytes
                .get(..error.valid_up_to())
                .and_then(|valid| str::from_utf8(valid).ok())
                .unwrap_or_default(),
        }
    }
}
