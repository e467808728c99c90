//! Places within a text that stands in a file as a block (`key: |`).

use crate::finding::Position;

/// A text of which each line is a line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Line of the file before its first one.
    line: u64,
    /// Characters of the file before each of its lines.
    indent: u64,
}

impl Block {
    /// The block whose key stands at `key`; `None` where the value is written in another way, whose lines are not those of
    /// the file, or says its own indentation.
    pub(super) fn of(file: &str, key: Position) -> Option<Self> {
        let line = usize::try_from(key.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(key.column).ok()?.checked_sub(1)?;
        let mut lines = file.lines().skip(line);
        let head: String = lines.next()?.chars().skip(column).collect();
        let (_, value) = head.split_once(':')?;
        let chomp = value.trim_start().strip_prefix('|')?;
        if chomp
            .trim_start_matches(['-', '+'])
            .starts_with(|c: char| c.is_ascii_digit())
        {
            return None;
        }
        let first = lines.find(|line| !line.trim().is_empty())?;
        let indent = first.len() - first.trim_start_matches(' ').len();
        Some(Self {
            line: key.line,
            indent: u64::try_from(indent).ok()?,
        })
    }

    /// The place in the file of a place in the text.
    pub(super) fn place(self, within: Position) -> Position {
        Position {
            line: self.line + within.line,
            column: self.indent + within.column,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_block_is_a_place_in_the_file() {
        let file = "- a: |-  # why\n\n      x: 1\n      y: 2\nb: \"|\"\n";
        let at = |line, column| Position { line, column };
        let block = Block::of(file, at(1, 3)).unwrap();
        assert_eq!(block.place(at(3, 2)), at(4, 8));
        assert_eq!(Block::of(file, at(5, 1)), None);
        assert_eq!(Block::of("a: |2\n   x\n", at(1, 1)), None);
        assert_eq!(Block::of(file, at(9, 1)), None);
    }
}
