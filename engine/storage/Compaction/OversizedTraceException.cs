using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// The parts of a trace that lie in these blocks are too large together: all of a trace is one row, and all of a row one page,
/// for which every reader has a limit. They stay apart; readers bring them together.
/// </summary>
public sealed class OversizedTraceException(TraceId trace, IReadOnlyList<BlockMeta> blocks)
    : Exception($"trace {trace} would be too large for one row; {blocks.Count} blocks have parts of it")
{
    public IReadOnlyList<BlockMeta> Blocks { get; } = blocks;
}
