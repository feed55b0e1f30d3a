#include "control/api/ipvs/answers.h"

#include <linux/netlink.h>

#include "control/api/ipvs/entries.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::ipvs {

namespace {

using View = std::shared_ptr<const control::ControlView>;

class ServiceDump : public Answer {
 public:
  ServiceDump(const Message& message, View view, const dataplane::Fabric& fabric)
      : message_(message), view_(std::move(view)), fabric_(fabric) {}

  void Next(Take take) override {
    RecordWriter record;
    const auto& services = view_->services;
    for (; next_ < services.size() && record.HasRoom(); ++next_) {
      PutService(&record, message_, NLM_F_MULTI, EntryOf(fabric_, services[next_]));
    }
    const bool is_last = next_ == services.size() && record.HasRoom();
    if (is_last) PutDone(&record, message_);
    take(record.Take(), is_last);
  }

 private:
  const Message message_;
  const View view_;
  const dataplane::Fabric& fabric_;
  size_t next_ = 0;
};

class DestDump : public Answer {
 public:
  DestDump(const Message& message, View view, const control::ServiceInfo* service,
           const dataplane::Fabric& fabric)
      : message_(message), view_(std::move(view)), service_(service), fabric_(fabric) {}

  void Next(Take take) override {
    RecordWriter record;
    const size_t count = service_ == nullptr ? 0 : service_->reals.size();
    for (; next_ < count && record.HasRoom(); ++next_) {
      const control::RealInfo& real = service_->reals[next_];
      if (IsListed(real)) PutDest(&record, message_, NLM_F_MULTI, EntryOf(fabric_, real));
    }
    const bool is_last = next_ == count && record.HasRoom();
    if (is_last) PutDone(&record, message_);
    take(record.Take(), is_last);
  }

 private:
  const Message message_;
  const View view_;  // has the service
  const control::ServiceInfo* const service_;
  const dataplane::Fabric& fabric_;
  size_t next_ = 0;
};

class FileAnswer : public Answer {
 public:
  FileAnswer(const Message& message, std::unique_ptr<FileText> text)
      : message_(message), text_(std::move(text)) {}

  void Next(Take take) override {
    text_->Next(kMostFileBytes,
                [message = message_, take = std::move(take)](FileText::Piece piece) {
                  if (piece.error != 0) return take(ErrorRecord(message, piece.error), true);
                  piece.text.resize(std::min(piece.text.size(), kMostFileBytes));
                  RecordWriter record;
                  if (!piece.text.empty()) PutFileText(&record, message, piece.text);
                  if (piece.is_last) PutDone(&record, message);
                  take(record.Take(), piece.is_last);
                });
  }

 private:
  const Message message_;
  const std::unique_ptr<FileText> text_;
};

}  // namespace

std::unique_ptr<Answer> MakeServiceDump(const Message& message, View view,
                                        const dataplane::Fabric& fabric) {
  return std::make_unique<ServiceDump>(message, std::move(view), fabric);
}

std::unique_ptr<Answer> MakeDestDump(const Message& message, View view,
                                     const control::ServiceInfo* service,
                                     const dataplane::Fabric& fabric) {
  return std::make_unique<DestDump>(message, std::move(view), service, fabric);
}

std::unique_ptr<Answer> MakeDaemonDump(const Message& message, const control::ControlView& view) {
  RecordWriter record;
  if (const std::optional<control::IpvsSyncConfig>& sync = view.model->sync.ipvs) {
    DaemonRequest daemon{.interface = sync->interface,
                         .syncid = sync->syncid,
                         .maxlen = sync->maxlen,
                         .group = sync->group,
                         .port = sync->udp_port,
                         .ttl = sync->ttl};
    for (const bool is_master : {true, false}) {
      daemon.is_master = is_master;
      const bool runs = is_master ? sync->sends() : sync->receives();
      if (runs) PutDaemon(&record, message, daemon);
    }
  }
  PutDone(&record, message);
  return std::make_unique<Records>(std::vector<Record>{record.Take()});
}

std::unique_ptr<Answer> MakeFileAnswer(const Message& message, std::unique_ptr<FileText> text) {
  return std::make_unique<FileAnswer>(message, std::move(text));
}

}  // namespace fairlead::ipvs
