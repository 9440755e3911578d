using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;

namespace Tempo.Engine.Node;

public sealed partial class TempoNode
{
    /// <summary>Names of attributes. Throws <see cref="QueryException"/> for a scope that does not exist.</summary>
    public async Task<TagNamesResult> TagNamesAsync(TenantSet tenants, TagNamesRequest request, CancellationToken cancellation)
    {
        var peers = await CollectAsync(tenants, null, cancellation).ConfigureAwait(false);
        using var place = await _queries.EnterAsync(tenants.ToString(), cancellation).ConfigureAwait(false);
        using var lease = _state.Acquire();
        return await TagNames.RunAsync(request with { Limits = _options.Overrides.TagLimits(tenants) }, lease.View.SourcesOf(tenants, peers), cancellation).ConfigureAwait(false);
    }

    /// <summary>Values of an attribute. Throws <see cref="QueryException"/> for a name that cannot be read.</summary>
    public async Task<TagValuesResult> TagValuesAsync(TenantSet tenants, TagValuesRequest request, CancellationToken cancellation)
    {
        var peers = await CollectAsync(tenants, null, cancellation).ConfigureAwait(false);
        using var place = await _queries.EnterAsync(tenants.ToString(), cancellation).ConfigureAwait(false);
        using var lease = _state.Acquire();
        return await TagValues.RunAsync(request with { Limits = _options.Overrides.TagLimits(tenants) }, NewestBlocks(lease.View, tenants, peers), cancellation).ConfigureAwait(false);
    }

    /// <summary>The same for a tag of the first version of the API, a bare name: values as text, sorted.</summary>
    public async Task<TagValuesResult> LegacyTagValuesAsync(TenantSet tenants, TagValuesRequest request, CancellationToken cancellation)
    {
        var peers = await CollectAsync(tenants, null, cancellation).ConfigureAwait(false);
        using var place = await _queries.EnterAsync(tenants.ToString(), cancellation).ConfigureAwait(false);
        using var lease = _state.Acquire();
        return await LegacyTagValues.RunAsync(request with { Limits = _options.Overrides.TagLimits(tenants) }, NewestBlocks(lease.View, tenants, peers), cancellation).ConfigureAwait(false);
    }

    // A limit on blocks leaves the oldest out, without a word, as Tempo does: values are suggestions.
    private TraceSources NewestBlocks(NodeView view, TenantSet tenants, PeerSources peers)
    {
        var sources = view.SourcesOf(tenants, peers);
        var most = _options.Overrides.MaxBlocksPerTagValuesQuery(tenants);
        return most == 0 || sources.Blocks.Count <= most
            ? sources
            : new TraceSources(sources.Live, [.. sources.Blocks.OrderByDescending(static block => block.Meta.EndSeconds).Take(most)]) { Damage = sources.Damage, Hidden = sources.Hidden };
    }
}
