#include "control/health/asio_prober.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "control/health/look/look.h"
#include "control/health/look/password_file.h"

namespace fairlead::control {
namespace {

class AsioProber : public Prober {
 public:
  explicit AsioProber(boost::asio::io_context& io) : host_(io) {}

  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override {
    LookTask task{.target = target, .done = std::move(done), .deadline = host_.In(target.timeout)};
    if (const std::optional<Error> error = FillPassword(&task.target.question)) {
      boost::asio::post(host_.io(), [done = std::move(task.done), what = error->message] {
        done({.detail = what, .local_error = LocalError::kFiles});
      });
      return;
    }
    StartLook(host_, std::move(task), WayOf(target.question));
  }
  [[nodiscard]] size_t capacity(Lane) const override { return host_.capacity(); }
  [[nodiscard]] bool has_room(Lane) const override { return host_.has_room(); }

 private:
  LookHost host_;
};

}  // namespace

std::unique_ptr<Prober> MakeAsioProber(boost::asio::io_context& io) {
  return std::make_unique<AsioProber>(io);
}

}  // namespace fairlead::control
