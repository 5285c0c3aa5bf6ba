use std::fmt::Write as _;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

/// A table of words in the first column and numbers in the others.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// The columns that are broken into lines if there is no room.
    breaks: &'static [usize],
}

impl Grid {
    /// Creates a table without rows.
    #[must_use]
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
            breaks: &[],
        }
    }

    /// Lets these columns be broken into lines, if there is no room in a terminal.
    #[must_use]
    pub(super) fn breaking(self, columns: &'static [usize]) -> Self {
        Self {
            breaks: columns,
            ..self
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Returns it for a terminal that has 120 columns.
    #[must_use]
    pub(super) fn for_terminal(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(LINE_BELOW_HEADER)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(&self.header);
        for row in &self.rows {
            table.add_row(row);
        }
        let last = self.header.len() - 1;
        for (i, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if i == last { 0 } else { 1 }));
            if i > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
            column.set_constraint(if self.breaks.contains(&i) {
                let least = if i == 0 { 20 } else { 8 };
                ColumnConstraint::LowerBoundary(Width::Fixed(least))
            } else {
                ColumnConstraint::ContentWidth
            });
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }

    /// Returns it as Markdown.
    #[must_use]
    pub(super) fn for_markdown(&self) -> String {
        let header = self.header.join(" | ").replace('\n', " ");
        let numbers = "--:|".repeat(self.header.len() - 1);
        let mut text = format!("| {header} |\n|---|{numbers}\n");
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// Without lines between columns: a place for one, and a space, keep them apart.
const LINE_BELOW_HEADER: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

const WIDTH: u16 = 120;
