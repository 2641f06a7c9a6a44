//! The service's data folder: receipts with a quota that is enforced, and the job that can fill it.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Receipts kept; older ones are removed as new ones come.
const KEEP_RECEIPTS: u64 = 500;

/// A folder that holds at most `quota` bytes.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    root: PathBuf,
    quota: u64,
}

impl DataFolder {
    /// Makes the folder and its parts `receipts` and `spool`.
    pub(crate) fn open(root: &Path, quota: u64) -> io::Result<Self> {
        fs::create_dir_all(root.join("receipts"))?;
        fs::create_dir_all(root.join("spool"))?;
        forget_old_receipts(&root.join("receipts"))?;
        Ok(Self { root: root.to_owned(), quota })
    }

    /// Bytes in the folder at this moment, counted from the files.
    pub(crate) fn used(&self) -> u64 {
        ["receipts", "spool"].iter().map(|part| folder_bytes(&self.root.join(part))).sum()
    }

    /// Most bytes the folder may hold.
    pub(crate) fn quota(&self) -> u64 {
        self.quota
    }

    /// Writes a receipt, and removes the one that is too old to keep.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when the receipt does not fit the quota.
    pub(crate) fn write_receipt(&self, number: u64, text: &str) -> io::Result<()> {
        self.room_for(text.len() as u64)?;
        let folder = self.root.join("receipts");
        fs::write(folder.join(format!("{number}.json")), text)?;
        if let Some(old) = number.checked_sub(KEEP_RECEIPTS) {
            match fs::remove_file(folder.join(format!("{old}.json"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts a dump file in the spool; returns its path.
    pub(crate) fn start_dump(&self) -> io::Result<PathBuf> {
        let path = self.root.join("spool").join(format!("debug-dump-{}.bin", uuid::Uuid::now_v7()));
        fs::File::create_new(&path)?;
        Ok(path)
    }

    /// Appends to a dump as far as the quota allows. Returns the bytes written; 0 means the folder is full.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when somebody removed the dump, which ends the job.
    pub(crate) fn grow_dump(&self, dump: &Path, bytes: usize) -> io::Result<usize> {
        let mut file = fs::OpenOptions::new().append(true).open(dump)?;
        let room = usize::try_from(self.quota.saturating_sub(self.used())).unwrap_or(usize::MAX);
        let block = vec![0xA5_u8; bytes.min(room)];
        file.write_all(&block)?;
        Ok(block.len())
    }

    fn room_for(&self, bytes: u64) -> io::Result<()> {
        if self.used() + bytes > self.quota {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device (os error 28)"));
        }
        Ok(())
    }
}

/// Removes all but the newest receipts of an earlier process, whose numbers this one does not know.
fn forget_old_receipts(folder: &Path) -> io::Result<()> {
    let mut receipts: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    // Numbers have one length, so the order of names is the order of numbers.
    receipts.sort();
    let surplus = receipts.len().saturating_sub(usize::try_from(KEEP_RECEIPTS).unwrap_or(usize::MAX));
    receipts.iter().take(surplus).try_for_each(fs::remove_file)
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_folder_refuses_receipts_until_it_is_cleaned() {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(temp.path(), 1000).unwrap();
        folder.write_receipt(1, "fits").unwrap();
        let dump = folder.start_dump().unwrap();
        assert_eq!(folder.grow_dump(&dump, 5000).unwrap(), 996, "the quota is enforced");
        assert_eq!(folder.grow_dump(&dump, 5000).unwrap(), 0);
        assert_eq!(folder.write_receipt(2, "x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        fs::remove_file(&dump).unwrap();
        folder.write_receipt(2, "x").unwrap();
        assert_eq!(folder.grow_dump(&dump, 1).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn old_receipts_make_room_for_new_ones_also_over_a_restart() {
        let temp = tempfile::tempdir().unwrap();
        for first in [10_000, 20_000] {
            let folder = DataFolder::open(temp.path(), 1_000_000).unwrap();
            for number in first..first + 600 {
                folder.write_receipt(number, "receipt").unwrap();
            }
        }
        let folder = DataFolder::open(temp.path(), 1_000_000).unwrap();
        assert_eq!(folder.used(), 500 * 7);
    }
}
