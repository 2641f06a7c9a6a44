//! A CSV as a table of series: a time stamp, then numeric columns; what is wrong is named by row and column.

use std::path::Path;

use super::timestamp;

/// Cells that mean "no value".
const EMPTY: [&str; 7] = ["", "nan", "na", "null", "none", "-", "n/a"];

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub row: Option<u64>,
    pub column: Option<String>,
    pub message: String,
}

impl Problem {
    fn at(row: u64, column: &str, message: String) -> Self {
        Self { row: Some(row), column: Some(column.to_owned()), message }
    }

    fn whole(message: String) -> Self {
        Self { row: None, column: None, message }
    }
}

/// Rows of one file in the file's order. NaN stands for an empty cell.
#[derive(Debug)]
pub(crate) struct Table {
    stamps: Vec<String>,
    at_ms: Vec<i64>,
    values: Vec<f64>,
    width: usize,
}

impl Table {
    pub(crate) fn rows(&self) -> usize {
        self.at_ms.len()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn at_ms(&self, row: usize) -> i64 {
        self.at_ms[row]
    }

    pub(crate) fn stamp(&self, row: usize) -> &str {
        &self.stamps[row]
    }

    pub(crate) fn value(&self, row: usize, column: usize) -> Option<f64> {
        let value = self.values[row * self.width + column];
        (!value.is_nan()).then_some(value)
    }

    /// Reads a file: the first column (or the one called `timestamp`) is the time, the others are numbers.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|e| Problem::whole(format!("cannot be opened: {e}")))?;
        let heads: Vec<String> = reader
            .byte_headers()
            .map_err(|e| Problem::whole(format!("header is unreadable: {e}")))?
            .iter()
            .map(|h| String::from_utf8_lossy(h).trim_start_matches('\u{feff}').to_owned())
            .collect();
        let time = heads.iter().position(|h| h.eq_ignore_ascii_case("timestamp")).unwrap_or(0);
        if heads.len() < 2 {
            return Err(Problem::whole("needs a timestamp column and at least one numeric column".to_owned()));
        }
        let mut table = Self { stamps: Vec::new(), at_ms: Vec::new(), values: Vec::new(), width: heads.len() - 1 };
        let mut record = csv::ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => table.add(&record, &heads, time)?,
                Ok(false) => break,
                Err(e) => return Err(Problem::whole(format!("row is unreadable: {e}"))),
            }
        }
        if table.rows() == 0 {
            return Err(Problem::whole("has a header but no rows".to_owned()));
        }
        Ok(table)
    }

    fn add(&mut self, record: &csv::ByteRecord, heads: &[String], time: usize) -> Result<(), Problem> {
        let row = record.position().map_or(0, csv::Position::line);
        if record.len() != heads.len() {
            let message = format!("has {} cells, the header has {}", record.len(), heads.len());
            let column = heads.get(record.len().min(heads.len() - 1)).map_or("", String::as_str);
            return Err(Problem::at(row, column, message));
        }
        for (index, cell) in record.iter().enumerate() {
            let text = String::from_utf8_lossy(cell);
            let column = &heads[index];
            if index == time {
                let Some(at_ms) = timestamp::parse(&text) else {
                    return Err(Problem::at(row, column, format!("{:?} is not a time stamp", short(&text))));
                };
                self.at_ms.push(at_ms);
                self.stamps.push(text.into_owned());
            } else if EMPTY.contains(&text.to_ascii_lowercase().as_str()) {
                self.values.push(f64::NAN);
            } else {
                let Ok(value) = text.parse::<f64>() else {
                    return Err(Problem::at(row, column, format!("{:?} is not a number", short(&text))));
                };
                self.values.push(value);
            }
        }
        Ok(())
    }
}

/// The start of a cell, for a message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
