using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;

namespace Tempo.Engine.Node;

// The service graph that needs no metrics database.
public sealed partial class TempoNode
{
    /// <summary>
    /// The service graph of a range of time, from the traces themselves. Throws <see cref="QueryException"/> for one that needs too much.
    /// </summary>
    public Task<ServiceGraphResult> ServiceGraphAsync(TenantSet tenants, ServiceGraphRequest request, CancellationToken cancellation) =>
        _runner.RunAsync(tenants, (sources, slots) => ServiceGraphQuery.RunAsync(request, sources, slots, cancellation), cancellation);
}
