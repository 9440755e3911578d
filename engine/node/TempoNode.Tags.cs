using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;

namespace Tempo.Engine.Node;

public sealed partial class TempoNode
{
    /// <summary>Names of attributes. Throws <see cref="QueryException"/> for a scope that does not exist.</summary>
    public Task<TagNamesResult> TagNamesAsync(TenantSet tenants, TagNamesRequest request, CancellationToken cancellation) =>
        _runner.RunAsync(tenants, (sources, slots) => TagNames.RunAsync(
            request with { Limits = _options.Overrides.TagLimits(tenants), Slots = slots }, sources, cancellation), cancellation);

    /// <summary>Values of an attribute. Throws <see cref="QueryException"/> for a name that cannot be read.</summary>
    public Task<TagValuesResult> TagValuesAsync(TenantSet tenants, TagValuesRequest request, CancellationToken cancellation) =>
        _runner.RunAsync(tenants, (sources, slots) => TagValues.RunAsync(
            request with { Limits = _options.Overrides.TagLimits(tenants), Slots = slots }, Newest(sources, tenants), cancellation),
                cancellation);

    /// <summary>The same for a tag of the first version of the API, a bare name: values as text, sorted.</summary>
    public Task<TagValuesResult> LegacyTagValuesAsync(TenantSet tenants, TagValuesRequest request, CancellationToken cancellation) =>
        _runner.RunAsync(tenants, (sources, slots) => LegacyTagValues.RunAsync(
            request with { Limits = _options.Overrides.TagLimits(tenants), Slots = slots }, Newest(sources, tenants), cancellation),
                cancellation);

    // A limit on blocks leaves the oldest out, without a word, as Tempo does: values are suggestions.
    private TraceSources Newest(TraceSources sources, TenantSet tenants)
    {
        var most = _options.Overrides.MaxBlocksPerTagValuesQuery(tenants);
        return most == 0 || sources.Blocks.Count <= most
            ? sources
            : sources with { Blocks = [.. sources.Blocks.OrderByDescending(static block => block.Meta.LatestSeconds).Take(most)] };
    }
}
