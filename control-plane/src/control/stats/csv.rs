//! Statistics as a CSV file that no spreadsheet takes for formulas.

use super::{Statistics, StatisticsRow};

/// The columns of a CSV file besides the keys.
const CSV_COLUMNS: &str = "requests,failed,refused,left,uncounted,partial,input_tokens,cache_read_tokens,\
    cache_write_tokens,cache_write_1h_tokens,output_tokens,reasoning_tokens,cost_usd,cost_basis,cost_missing,\
    input_new_tokens,cache_write_5m_tokens,total_tokens,cache_saved_usd,first_byte_median_ms,first_byte_p95_ms";

/// The rows as a CSV file (RFC 4180, UTF-8). A name that a spreadsheet would take for a formula
/// gets a `'` before it; what is unknown is empty.
pub fn csv(statistics: &Statistics) -> String {
    let names: Vec<&str> = statistics.by.iter().map(|by| by.name()).collect();
    let mut text = names.join(",");
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(CSV_COLUMNS);
    text.push_str("\r\n");
    for row in &statistics.rows {
        let keys = row
            .keys
            .iter()
            .map(|key| cell(key.as_deref().unwrap_or_default()));
        let numbers = [
            row.requests,
            row.failed,
            row.refused,
            row.left,
            row.uncounted,
            row.partial,
            row.input_tokens,
            row.cache_read_tokens,
            row.cache_write_tokens,
            row.cache_write_1h_tokens,
            row.output_tokens,
            row.reasoning_tokens,
        ];
        let numbers = numbers.iter().map(u64::to_string);
        let cost = &row.cost;
        let amount = if cost.is_unknown {
            String::new()
        } else {
            dollars(cost.micros)
        };
        let basis = match (cost.is_unknown, cost.has_gap) {
            (true, _) => "unknown",
            (false, true) => "at least",
            (false, false) if cost.charged_micros > 0 => "charged",
            (false, false) => "list",
        };
        let missing = cell(cost.missing.as_deref().unwrap_or_default());
        let all: Vec<String> = keys
            .chain(numbers)
            .chain([amount, basis.to_owned(), missing])
            .chain(later_cells(row))
            .collect();
        text.push_str(&all.join(","));
        text.push_str("\r\n");
    }
    text
}

/// What was added later stands at the end.
fn later_cells(row: &StatisticsRow) -> [String; 6] {
    let time = |ms: Option<u64>| ms.map_or(String::new(), |ms| ms.to_string());
    [
        row.input_new_tokens.to_string(),
        row.cache_write_5m_tokens.to_string(),
        row.total_tokens.to_string(),
        dollars(row.cost.saved_micros),
        time(row.first_byte_median_ms),
        time(row.first_byte_p95_ms),
    ]
}

fn dollars(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_takes_for_a_formula_is_guarded() {
        assert_eq!(cell("-1"), "'-1");
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("=a,b"), "\"'=a,b\"");
    }
}
