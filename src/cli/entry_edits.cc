#include "cli/entry_edits.h"

#include <algorithm>

namespace fairlead::cli {

namespace {

using control::YamlNode;

std::string CommaList(const std::vector<std::string>& what, size_t first, size_t end) {
  std::string all;
  for (size_t i = first; i < end; ++i) all += (all.empty() ? "" : ", ") + what[i];
  return all;
}

bool IsSimple(const YamlNode& map) { return std::ranges::all_of(map.items, &YamlNode::is_scalar); }

}  // namespace

// ---- taking out -------------------------------------------------------------------------------

bool EntryEdits::Cut(const YamlNode& collection, const std::vector<bool>& goes,
                     const std::vector<std::string>& what, size_t key_end, bool is_refilled) {
  const auto entries = yaml_.EntriesOf(collection);
  if (!entries || entries->size() != goes.size()) return false;
  if (yaml_.IsFlow(collection)) {
    CutFlow(*entries, goes, what);
    return true;
  }
  const bool is_emptied = std::ranges::count(goes, true) == std::ssize(goes);
  if (is_emptied && collection.is_map()) return false;
  if (!CutLines(collection, *entries, goes, what)) return false;
  if (is_emptied && !is_refilled) edits_->Put(key_end, 0, " []", "");
  return true;
}

bool EntryEdits::CutLines(const YamlNode& collection, const Entries& entries,
                          const std::vector<bool>& goes, const std::vector<std::string>& what) {
  TextEdits cut = *edits_;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!goes[i]) continue;
    const auto [start, end] = entries[i];
    if (!yaml_.IsRestBlank(end)) return false;
    if (yaml_.IsFirstOnLine(start)) {
      // With the end of the line before, so that what comes behind has a place of its own.
      const size_t line = yaml_.LineStart(start), line_end = yaml_.LineEnd(end);
      const size_t from = line > 0 ? line - 1 : 0;
      cut.Put(from, (line > 0 ? line_end : line_end + 1) - from, "", what[i]);
      continue;
    }
    // The first key of an item stands behind its dash: the second one takes its place.
    if (!collection.is_map() || i + 1 == entries.size() || goes[i + 1]) return false;
    const size_t next = entries[i + 1].start;
    if (yaml_.HasComment(start, next)) return false;
    cut.Put(start, next - start, "", what[i]);
  }
  *edits_ = std::move(cut);
  return true;
}

void EntryEdits::CutFlow(const Entries& entries, const std::vector<bool>& goes,
                         const std::vector<std::string>& what) {
  const size_t count = entries.size();
  for (size_t i = 0; i < count; ++i) {
    if (!goes[i]) continue;
    size_t next = i;
    while (next < count && goes[next]) ++next;
    const std::string all = CommaList(what, i, next);
    if (next < count) {
      CutRun(entries, i, next, all);
    } else if (i == 0) {
      CutWhole(entries, all);
    } else {
      CutTail(entries, i, all);
    }
    i = next;
  }
}

// Every entry; comments between them stay.
void EntryEdits::CutWhole(const Entries& entries, const std::string& what) {
  const size_t start = entries[0].start, end = entries.back().end;
  if (!yaml_.HasComment(start, end)) return edits_->Put(start, end - start, "", what);
  for (size_t i = 0; i < entries.size(); ++i) {
    const YamlText::Entry entry = entries[i];
    edits_->Put(entry.start, entry.end - entry.start, "", i == 0 ? what : "");
    if (const auto comma = yaml_.CommaAfter(entry.end)) edits_->Put(*comma, 1, "", "");
  }
}

// Entries [first, next) with the comma behind them.
void EntryEdits::CutRun(const Entries& entries, size_t first, size_t next,
                        const std::string& what) {
  const size_t start = entries[first].start, end = entries[next - 1].end;
  const size_t comma = yaml_.CommaAfter(end).value_or(end) + 1;
  if (yaml_.IsFirstOnLine(start) && yaml_.IsRestBlank(comma)) {
    const size_t from = yaml_.LineStart(start);
    edits_->Put(from, std::min(yaml_.LineEnd(comma) + 1, yaml_.text().size()) - from, "", what);
  } else if (yaml_.HasComment(end, entries[next].start)) {
    edits_->Put(start, comma - start, "", what);
  } else {
    edits_->Put(start, entries[next].start - start, "", what);
  }
}

// Entries from `first` to the end, with the comma before them unless one follows.
void EntryEdits::CutTail(const Entries& entries, size_t first, const std::string& what) {
  const size_t before = entries[first - 1].end, start = entries[first].start;
  const size_t end = entries.back().end;
  const auto trailing = yaml_.CommaAfter(end);
  const auto comma = yaml_.CommaAfter(before);
  if (!yaml_.HasComment(before, start) && !trailing) {
    edits_->Put(before, end - before, "", what);
    return;
  }
  if (!trailing && comma) edits_->Put(*comma, 1, "", "");
  const size_t last = trailing ? *trailing + 1 : end;
  if (yaml_.IsFirstOnLine(start) && yaml_.IsRestBlank(last)) {
    const size_t from = yaml_.LineStart(start);
    edits_->Put(from, std::min(yaml_.LineEnd(last) + 1, yaml_.text().size()) - from, "", what);
  } else {
    edits_->Put(start, last - start, "", what);
  }
}

// ---- putting in -------------------------------------------------------------------------------

bool EntryEdits::Insert(const YamlNode& list, const std::vector<New>& items, bool is_emptied) {
  const auto entries = yaml_.EntriesOf(list);
  if (!entries || entries->empty()) return false;
  if (!yaml_.IsFlow(list)) return InsertLines(list, *entries, items);
  for (size_t i = 0; i < items.size(); ++i) {
    const bool has_more = i + 1 < items.size() && items[i + 1].after == items[i].after;
    if (items[i].after < 0) {
      InsertFirst(entries->front(), items[i], has_more || !is_emptied);
    } else {
      const bool is_first = i == 0 || items[i - 1].after != items[i].after;
      InsertAfter(*entries, items[i], is_first, has_more);
    }
  }
  return true;
}

std::string EntryEdits::LinesOf(const New& item, size_t indent, bool is_short) const {
  // What has lists of its own is hard to read on one line.
  if (is_short && IsSimple(*item.node))
    return std::string(indent, ' ') + "- " + yaml_.Flow(*item.node);
  return yaml_.BlockItem(*item.node, indent);
}

bool EntryEdits::InsertLines(const YamlNode& list, const Entries& entries,
                             const std::vector<New>& items) {
  const size_t indent = yaml_.ColumnOf(entries[0].start);
  const bool is_flow = yaml_.IsFlow(list.items.back());
  TextEdits with = *edits_;
  for (const New& item : items) {
    const std::string lines = LinesOf(item, indent, is_flow);
    if (item.after < 0) {
      with.Put(yaml_.LineEnd(yaml_.LineStart(entries[0].start) - 1), 0, "\n" + lines, item.what);
      continue;
    }
    const size_t end = entries[static_cast<size_t>(item.after)].end;
    if (!yaml_.IsRestBlank(end)) return false;
    with.Put(yaml_.LineEnd(end), 0, "\n" + lines, item.what);
  }
  *edits_ = std::move(with);
  return true;
}

std::string EntryEdits::LeadOf(const YamlText::Entry& beside) const {
  if (!yaml_.IsFirstOnLine(beside.start)) return " ";
  return "\n" + std::string(yaml_.ColumnOf(beside.start), ' ');
}

void EntryEdits::InsertFirst(const YamlText::Entry& first, const New& item, bool has_more) {
  edits_->Put(first.start, 0, yaml_.Flow(*item.node) + (has_more ? "," + LeadOf(first) : ""),
              item.what);
}

void EntryEdits::InsertAfter(const Entries& entries, const New& item, bool is_first,
                             bool has_more) {
  const YamlText::Entry beside = entries[static_cast<size_t>(item.after)];
  const std::string text = LeadOf(beside) + yaml_.Flow(*item.node);
  const bool is_last = static_cast<size_t>(item.after) + 1 == entries.size();
  if (!is_last || !yaml_.IsFirstOnLine(beside.start) || !yaml_.IsRestBlank(beside.end)) {
    return edits_->Put(beside.end, 0, "," + text, item.what);
  }
  // A comment behind the last one stays with it.
  if (is_first) edits_->Put(beside.end, 0, ",", "");
  edits_->Put(yaml_.LineEnd(beside.end), 0, text + (has_more ? "," : ""), item.what);
}

bool EntryEdits::Fill(const YamlNode& list, size_t key_end, size_t key_column, bool is_short,
                      const std::vector<New>& items) {
  size_t end = key_end;
  if (list.is_list()) {
    const auto list_end = yaml_.EndOf(list);
    if (!list_end || !list.items.empty() || yaml_.HasComment(key_end, *list_end)) return false;
    end = *list_end;
  }
  if (!yaml_.IsRestBlank(end)) return false;
  if (end > key_end) edits_->Put(key_end, end - key_end, "", "");
  for (const New& item : items) {
    edits_->Put(yaml_.LineEnd(end), 0, "\n" + LinesOf(item, key_column + 2, is_short), item.what);
  }
  return true;
}

}  // namespace fairlead::cli
