//! Reading columns as the model's types; what does not parse names its column.

use std::fmt::Display;
use std::str::FromStr;

use coregit_model::{Oid, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::StoreError;

/// Typed columns of one row.
pub(crate) trait Columns {
    fn text(&self, column: &'static str) -> Result<String, StoreError>;
    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
    fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError>;
    fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError>;
    fn integer(&self, column: &'static str) -> Result<i64, StoreError>;
    fn maybe_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError>;

    /// A number that is never negative.
    fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let n = self.integer(column)?;
        T::try_from(n).map_err(|_| wrong(column, n))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.integer(column)?))
    }

    fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_integer(column)?.map(Timestamp::from_millis))
    }

    /// What `parse` makes of the text.
    fn parsed<T, P: Parsed<T>>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> P,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(&text).parsed().ok_or_else(|| wrong(column, &text))
    }

    /// A word or anything else with a text form.
    fn word<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.parsed(column, |text| text.parse::<T>())
    }

    fn maybe_oid(&self, column: &'static str) -> Result<Option<Oid>, StoreError> {
        let read = |text: String| text.parse().map_err(|_| wrong(column, &text));
        self.maybe_text(column)?.map(read).transpose()
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|e| wrong(column, e))
    }
}

/// What a parser may answer: an option or a result.
pub(crate) trait Parsed<T> {
    fn parsed(self) -> Option<T>;
}

impl<T> Parsed<T> for Option<T> {
    fn parsed(self) -> Option<T> {
        self
    }
}

impl<T, E> Parsed<T> for Result<T, E> {
    fn parsed(self) -> Option<T> {
        self.ok()
    }
}

impl Columns for SqliteRow {
    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
    fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
    fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
    fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
    fn maybe_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.try_get(column).map_err(|e| wrong(column, e))
    }
}

fn wrong(column: &'static str, why: impl Display) -> StoreError {
    let why = coregit_model::printable(&why.to_string()).chars().take(200).collect();
    StoreError::Row { column, why }
}

/// A number as the records keep it. Ids of hosts and counts stay far below 2^63.
pub(crate) fn stored(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A value as the JSON that the records keep.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Database(format!("cannot be written as JSON: {e}")))
}
