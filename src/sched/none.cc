// No scheduler: persistence templates and pinned clients are served, everybody else gets nobody.
#include "sched/scheduler.h"

namespace fairlead::sched {

Tables None::Build(std::span<const RealInput>) { return {}; }

State None::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice None::Pick(const Plan&, State*, const Request&, const LoadBoard&) noexcept { return {}; }

}  // namespace fairlead::sched
