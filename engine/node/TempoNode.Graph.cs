using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;

namespace Tempo.Engine.Node;

// The service graph that needs no metrics database.
public sealed partial class TempoNode
{
    /// <summary>The service graph of a range of time, from the traces themselves. Throws <see cref="QueryException"/> for one that needs too much.</summary>
    public async Task<ServiceGraphResult> ServiceGraphAsync(TenantSet tenants, ServiceGraphRequest request, CancellationToken cancellation)
    {
        var peers = await CollectAsync(tenants, null, cancellation).ConfigureAwait(false);
        using var place = await _queries.EnterAsync(tenants.ToString(), cancellation).ConfigureAwait(false);
        using var lease = _state.Acquire();
        return await ServiceGraphQuery.RunAsync(request, lease.View.SourcesOf(tenants, peers), cancellation).ConfigureAwait(false);
    }
}
