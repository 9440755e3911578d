using System.Collections.Frozen;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Where a tenant's traces are at one moment: live batches and blocks, taken together in one read, so that a cut that
/// happens meanwhile is invisible. A span may be in several of them; <see cref="OrderedTrace"/> counts it once.
/// </summary>
public sealed record TraceSources(IReadOnlyList<LiveBatchView> Live, IReadOnlyList<BlockHandle> Blocks)
{
    /// <summary>What is known to be missing before anything is read: answers are partial. Empty if nothing is.</summary>
    public string Damage { get; init; } = "";

    /// <summary>The same of blocks alone.</summary>
    public string BlockDamage { get; init; } = "";

    /// <summary>
    /// A block that vanishes ends the query with <see cref="VanishedBlockException"/>: whoever asked begins anew. Else the answer is
    /// partial.
    /// </summary>
    public bool EndsIfBlockVanishes { get; init; }

    /// <summary>Traces that are not there though they may lie in a source: somebody deleted them.</summary>
    public IReadOnlySet<TraceId> Hidden { get; init; } = FrozenSet<TraceId>.Empty;

    /// <summary>
    /// Only traces of this slice are searched and counted, as if no others were there; null: all. For searches and metrics queries alone:
    /// names and values of tags do not look at it, since mostly catalogs answer them, which know whole blocks, nor do the service graph and
    /// a trace that is asked for by its id. An answer tells blocks and their bytes as if there were no slice, so that they are not to be
    /// added up over slices; jobs, and what was inspected, are those of the slice.
    /// </summary>
    public TraceSlice? Slice { get; init; }
}
