#include "control/api/ipvs/proc_texts.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/api/ipvs/entries.h"
#include "control/api/ipvs/proc_files.h"
#include "control/api/name_index.h"
#include "control/api/worker_client.h"
#include "control/view.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::ipvs {

namespace {

using Piece = FileText::Piece;
using Done = std::function<void(Piece)>;

// Takes up to `most` bytes off the front of what is left of `text`, from *at on.
Piece Cut(const std::string& text, size_t* at, size_t most) {
  Piece piece{.text = text.substr(*at, most)};
  *at += piece.text.size();
  piece.is_last = *at == text.size();
  return piece;
}

class WholeText : public FileText {
 public:
  explicit WholeText(std::string text) : text_(std::move(text)) {}
  void Next(size_t most_bytes, Done done) override { done(Cut(text_, &at_, most_bytes)); }

 private:
  const std::string text_;
  size_t at_ = 0;
};

class ServicesText : public FileText {
 public:
  ServicesText(const dataplane::Fabric& fabric, View view)
      : fabric_(fabric), view_(std::move(view)) {}

  void Next(size_t most_bytes, Done done) override {
    while (made_.size() - at_ < most_bytes && MakeLine()) {
    }
    Piece piece = Cut(made_, &at_, most_bytes);
    piece.is_last = piece.is_last && service_ == view_->services.size();
    if (at_ == made_.size()) {
      made_.clear();
      at_ = 0;
    }
    done(std::move(piece));
  }

 private:
  // The next line; false after the last.
  bool MakeLine() {
    if (service_ == view_->services.size()) return false;
    const control::ServiceInfo& service = view_->services[service_];
    if (!is_begun_) {
      AppendService(service, &made_);
      is_begun_ = true;
    } else if (real_ < service.reals.size()) {
      const control::RealInfo& real = service.reals[real_++];
      if (IsListed(real)) AppendReal(fabric_, real, &made_);
    } else {
      ++service_;
      real_ = 0;
      is_begun_ = false;
    }
    return true;
  }

  const dataplane::Fabric& fabric_;
  const View view_;
  size_t service_ = 0, real_ = 0;
  bool is_begun_ = false;  // the service's own line is there
  std::string made_{kServicesHead};
  size_t at_ = 0;
};

// Goes over the workers twice, for connections and for templates. Held by its text and, weakly, by
// what waits for a worker.
class ConnectionsReading : public std::enable_shared_from_this<ConnectionsReading> {
 public:
  ConnectionsReading(api::WorkerClient& workers, View view, ConnectionStyle style)
      : workers_(workers),
        view_(std::move(view)),
        names_(*view_),
        style_(style),
        made_(ConnectionsHead(style)) {}

  void Next(size_t most_bytes, Done done) {
    if (at_ < made_.size() || IsOver()) {
      Piece piece = Cut(made_, &at_, most_bytes);
      piece.is_last = piece.is_last && IsOver();
      return done(std::move(piece));
    }
    made_.clear();
    at_ = 0;
    most_bytes_ = most_bytes;
    done_ = std::move(done);
    is_in_templates_ ? Ask<dataplane::ListTemplates>() : Ask<dataplane::ListConnections>();
  }

 private:
  [[nodiscard]] bool IsOver() const { return is_in_templates_ && worker_ == Count(); }
  [[nodiscard]] size_t Count() const { return workers_.worker_count(); }

  template <typename List>
  void Ask() {
    auto list = std::make_shared<List>();
    list->cursor = cursor_;
    list->limit = kRowsOfSlice;
    list->rows.reserve(kRowsOfSlice);
    workers_.Send<List>(WorkerId{static_cast<uint8_t>(worker_)}, std::move(list),
                        [weak = weak_from_this()](std::shared_ptr<List> filled) {
                          if (const auto self = weak.lock()) self->OnSlice(filled.get());
                        });
  }

  template <typename List>
  void OnSlice(const List* list) {
    const Done done = std::exchange(done_, nullptr);
    if (list == nullptr) return done({.is_last = true, .error = EIO});  // a silent worker
    for (const auto& row : list->rows) Write(row);
    cursor_ = list->cursor;
    if (list->is_complete) GoOn();
    Piece piece = Cut(made_, &at_, most_bytes_);
    piece.is_last = piece.is_last && IsOver();
    done(std::move(piece));
  }

  void GoOn() {
    cursor_ = 0;
    if (++worker_ < Count() || is_in_templates_) return;
    worker_ = 0;
    is_in_templates_ = true;
  }

  void Write(const dataplane::ConnectionRow& row) { AppendConnection(row, style_, &made_); }
  void Write(const dataplane::TemplateRow& row) { AppendTemplate(names_, row, style_, &made_); }

  api::WorkerClient& workers_;
  const View view_;
  const api::NameIndex names_;
  const ConnectionStyle style_;
  bool is_in_templates_ = false;
  size_t worker_ = 0;
  uint64_t cursor_ = 0;
  std::string made_;
  size_t at_ = 0;
  size_t most_bytes_ = 0;
  Done done_;
};

class ConnectionsText : public FileText {
 public:
  explicit ConnectionsText(std::shared_ptr<ConnectionsReading> reading)
      : reading_(std::move(reading)) {}
  void Next(size_t most_bytes, Done done) override { reading_->Next(most_bytes, std::move(done)); }

 private:
  const std::shared_ptr<ConnectionsReading> reading_;
};

}  // namespace

std::unique_ptr<FileText> MakeText(std::string text) {
  return std::make_unique<WholeText>(std::move(text));
}

std::unique_ptr<FileText> MakeServicesText(const dataplane::Fabric& fabric, View view) {
  return std::make_unique<ServicesText>(fabric, std::move(view));
}

std::unique_ptr<FileText> MakeConnectionsText(api::WorkerClient& workers, View view,
                                              ConnectionStyle style) {
  return std::make_unique<ConnectionsText>(
      std::make_shared<ConnectionsReading>(workers, std::move(view), style));
}

}  // namespace fairlead::ipvs
