#include "dataplane/dpdk/worker_loop.h"

namespace fairlead::edge {

template class BasicWorkerLoop<dataplane::Worker<MbufPacket>>;

}  // namespace fairlead::edge
