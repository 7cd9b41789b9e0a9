//! What each series number of a link stands for: a table in pages, found by index.
//!
//! Agents number densely, but a link may use few numbers of which some are high, so pages come when they are needed.

use std::num::NonZeroU32;

use netwolf_wire::series::{DeviceNo, FamilyNo, SeriesNo};

use super::{family::Handle, limits::SERIES_PER_LINK};

/// Entries in a page.
const PAGE: usize = 256;

/// What a number stands for.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// One more than the device's number; `None` where nothing was declared.
    device: Option<NonZeroU32>,
    pub(super) family: FamilyNo,
    /// `None` when the series is left out.
    pub(super) series: Option<Handle>,
}

// There are millions.
const _: () = assert!(size_of::<Entry>() == 24, "an entry is three words");

impl Entry {
    /// `None` for a device number that no link has.
    pub(super) fn new(device: DeviceNo, family: FamilyNo, series: Option<Handle>) -> Option<Self> {
        let device = Some(NonZeroU32::MIN.checked_add(device.0)?);
        Some(Self {
            device,
            family,
            series,
        })
    }

    /// Whose series it is.
    pub(super) fn device(&self) -> Option<DeviceNo> {
        self.device.map(|device| DeviceNo(device.get() - 1))
    }
}

/// The series numbers of a link.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pages: Vec<Option<Box<[Entry]>>>,
}

fn place(no: SeriesNo) -> (usize, usize) {
    (no.0 as usize / PAGE, no.0 as usize % PAGE)
}

impl Numbers {
    /// What a number stands for.
    pub(super) fn get(&self, no: SeriesNo) -> Option<&Entry> {
        let (page, row) = place(no);
        let entry = self.pages.get(page)?.as_ref()?.get(row)?;
        entry.device.is_some().then_some(entry)
    }

    /// What a number stands for.
    pub(super) fn get_mut(&mut self, no: SeriesNo) -> Option<&mut Entry> {
        let (page, row) = place(no);
        let entry = self.pages.get_mut(page)?.as_mut()?.get_mut(row)?;
        entry.device.is_some().then_some(entry)
    }

    /// A number stands for `entry` from now on; one over the bound is not kept.
    pub(super) fn insert(&mut self, no: SeriesNo, entry: Entry) {
        if no.0 >= SERIES_PER_LINK {
            return;
        }
        let (page, row) = place(no);
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        let page =
            self.pages[page].get_or_insert_with(|| (0..PAGE).map(|_| Entry::default()).collect());
        page[row] = entry;
    }

    /// A number stands for nothing any more.
    pub(super) fn remove(&mut self, no: SeriesNo) -> Option<Entry> {
        self.get_mut(no).map(std::mem::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_high_and_low_are_found_and_forgotten() {
        let mut numbers = Numbers::default();
        for no in [0, 255, 256, SERIES_PER_LINK - 1] {
            let entry = Entry::new(DeviceNo(no), FamilyNo(1), None).unwrap();
            numbers.insert(SeriesNo(no), entry);
        }
        let device = |numbers: &Numbers, no| numbers.get(SeriesNo(no)).and_then(Entry::device);
        assert_eq!(device(&numbers, 255), Some(DeviceNo(255)));
        assert_eq!(
            device(&numbers, SERIES_PER_LINK - 1),
            Some(DeviceNo(SERIES_PER_LINK - 1))
        );
        assert_eq!(device(&numbers, 1), None);
        assert!(numbers.remove(SeriesNo(255)).is_some());
        assert!(
            numbers.remove(SeriesNo(255)).is_none() && numbers.get_mut(SeriesNo(255)).is_none()
        );
        let entry = Entry::new(DeviceNo(0), FamilyNo(0), None).unwrap();
        numbers.insert(SeriesNo(u32::MAX), entry);
        assert!(numbers.get(SeriesNo(u32::MAX)).is_none());
        assert!(Entry::new(DeviceNo(u32::MAX), FamilyNo(0), None).is_none());
    }
}
