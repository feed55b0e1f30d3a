// `fairlead explain`: the packet path's own decision, taken down step by step into a fixed buffer,
// with no effect.
//
//   command.question = {.protocol = 6, .client = …, .destination = …};
//   RunExplain(shard, &command);
//   if (!command.answer.continue_at.is_none()) …ask that worker, which owns the template, with the
//   same question…
//
// The decision code is templated on a trace policy (decision_trace.h): NoTrace on the packet path,
// ExplainTrace here, so what is explained is what would be done. Who answers: the connection owner
// first; for a persistent service it may name the template owner, whose answer then has the
// template or the scheduler's choice. Threads: run by the owning worker on a mailbox command.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

// This worker's part of the answer.
void RunExplain(Shard& shard, ExplainCommand* command) noexcept;

}  // namespace fairlead::dataplane
