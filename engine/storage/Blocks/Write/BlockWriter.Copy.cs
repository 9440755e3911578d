using System.Globalization;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Row groups that a merge takes over as they are. Their rows are added like all others, so that ids, times, filters, zones and
/// catalog are made of them by the same code; only their pages are not encoded and compressed anew:
/// <code>
/// BeginCopy       the row group before ends here
/// AddCopied       a row, in order
/// EndCopiedPage   a page of the source ends here
/// EndCopy         the pages of the source go to the file
/// </code>
/// </summary>
public sealed partial class BlockWriter
{
    /// <summary>Key of the footer's metadata that says how the pages were made; others pass over it.</summary>
    internal const string LayoutKey = "tempo.layout";

    /// <summary>To be raised when <see cref="BlockColumns"/> or a stage makes other pages of the same rows.</summary>
    private const int EncodingRules = 5;

    /// <summary>Pages made in the same way, of the same leaves, are the pages that this writer would make.</summary>
    public bool CanCopyFrom(BlockReader block) =>
        block.HasOwnTrees
        && block.File.KeyValueMetadata.TryGetValue(LayoutKey, out var layout) && layout == LayoutOf(_options)
        && block.Meta.Format == _options.Version.Name
        && block.Meta.DedicatedColumns.Specs.SequenceEqual(_options.Version.Supported(_options.DedicatedColumns).Specs);

    /// <summary>
    /// Whether a row group of so many spans may follow what was written as it is: neither it nor the one that ends before it becomes
    /// smaller than half of an ordinary one, so that merges do not make more and more row groups.
    /// </summary>
    public bool CanBeginCopy(long spans)
    {
        var least = _options.RowGroupSpans / 2;
        return spans >= least && (IsBetweenRowGroups || _spansInGroup + Stage.Spans.Count >= least);
    }

    public void BeginCopy() => EndRowGroup();

    /// <summary>As <see cref="Add"/>.</summary>
    public void AddCopied(OrderedTrace trace) => AddToStage(trace);

    public void EndCopiedPage() => WritePage(isCopied: true);

    /// <summary>Ends a row group, of which all rows were added. The result is how many bytes were copied.</summary>
    public long EndCopy(BlockReader block, RowGroupReader rows)
    {
        if (Stage.TraceCount > 0 || _rowsInGroup != rows.RowCount)
            throw new InvalidOperationException($"{_rowsInGroup} rows were added of a row group of {rows.RowCount}");
        var bytes = _file.CopyRowGroup(rows.Leaves(block.File.Schema), rows.Memory);
        ForgetRowGroup();
        return bytes;
    }

    private static string LayoutOf(BlockWriterOptions options) =>
        string.Create(CultureInfo.InvariantCulture,
            $"rules={EncodingRules} zstd={options.ZstdLevel} page={options.PageSpans} text={options.PageTextBytes}");
}
