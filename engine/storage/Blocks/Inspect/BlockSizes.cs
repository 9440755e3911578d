using System.Text;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Inspect;

/// <summary>Where a block's bytes are.</summary>
public static class BlockSizes
{
    /// <summary>Compressed and uncompressed bytes of each leaf, over all row groups, in schema order.</summary>
    public static List<ColumnSize> OfColumns(BlockReader block)
    {
        var sizes = new List<ColumnSize>();
        foreach (var column in block.File.Schema.Columns)
        {
            long compressed = 0, uncompressed = 0;
            var encodings = new SortedSet<string>(StringComparer.Ordinal);
            var codec = "";
            foreach (var group in block.File.RowGroups)
            {
                var chunk = group.Columns[column.Index];
                compressed += chunk.CompressedSizeBytes;
                uncompressed += chunk.UncompressedSizeBytes;
                codec = chunk.Codec.ToString();
                encodings.UnionWith(chunk.Encodings.Select(static encoding => encoding.ToString()));
            }

            sizes.Add(new ColumnSize(column.Path, $"{column.Type} {column.Node.Repetition}", column.MaxRepetitionLevel,
                column.MaxDefinitionLevel, codec, string.Join('+', encodings), compressed, uncompressed));
        }

        return sizes;
    }

    /// <summary>
    /// Values of each attribute that has no column of its own, and the bytes of their keys and values as they were sent: what a
    /// dedicated column would take over. Largest first. Throws <see cref="BlockReadException"/>.
    /// </summary>
    public static List<AttributeSize> OfAttributes(BlockReader block, CancellationToken cancellation)
    {
        var sizes = new Dictionary<(AttributeScope Scope, string Key), AttributeSize>();
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            foreach (var (start, count) in rows.ScanRanges())
            {
                cancellation.ThrowIfCancellationRequested();
                var batch = rows.Read(
                    start, count, BatchColumns.SpanAttributes | BatchColumns.Resources | BatchColumns.Scopes | BatchColumns.Events
                        | BatchColumns.Links);
                Add(sizes, AttributeScope.Span, batch.SpanAttributes);
                Add(sizes, AttributeScope.Resource, batch.Resources.Attributes);
                Add(sizes, AttributeScope.Scope, batch.Scopes.Attributes);
                Add(sizes, AttributeScope.Event, batch.Events.Attributes);
                Add(sizes, AttributeScope.Link, batch.Links.Attributes);
            }
        }

        return [.. sizes.Values.OrderByDescending(static size => size.Bytes).ThenBy(static size => size.Key, StringComparer.Ordinal)];
    }

    private static void Add(Dictionary<(AttributeScope, string), AttributeSize> sizes, AttributeScope scope, AttributeColumns attributes)
    {
        var known = new AttributeSize?[attributes.KeyTable.Count];
        for (var i = 0; i < attributes.Count; i++)
        {
            var code = attributes.Keys[i];
            if (known[code] is not { } size)
            {
                var key = Encoding.UTF8.GetString(attributes.Key(i));
                if (!sizes.TryGetValue((scope, key), out size)) sizes.Add((scope, key), size = new AttributeSize(scope, key));
                known[code] = size;
            }

            size.Count++;
            size.Bytes += attributes.Key(i).Length + ValueBytes(attributes, i);
        }
    }

    private static long ValueBytes(AttributeColumns attributes, int i) => attributes.Types[i] switch
    {
        AttributeType.String or AttributeType.AnyValue or AttributeType.AnyValueJson => attributes.String(i).Length,
        AttributeType.Int or AttributeType.Double => sizeof(long),
        AttributeType.Bool => 1,
        AttributeType.StringArray => attributes.ArrayItems(i).ToArray().Sum(item => (long)attributes.Values[(int)item].Length),
        AttributeType.IntArray or AttributeType.DoubleArray => attributes.ArrayItems(i).Length * (long)sizeof(long),
        AttributeType.BoolArray => attributes.ArrayItems(i).Length,
        _ => 0,
    };
}

/// <summary>A leaf of a block and its bytes.</summary>
public sealed record ColumnSize(
    string Path, string Kind, int RepetitionLevel, int DefinitionLevel, string Codec, string Encodings, long CompressedBytes,
    long UncompressedBytes);

/// <summary>An attribute that has no column of its own.</summary>
public sealed class AttributeSize(AttributeScope scope, string key)
{
    public AttributeScope Scope { get; } = scope;

    public string Key { get; } = key;

    /// <summary>Values.</summary>
    public long Count { get; set; }

    /// <summary>Of keys and values, uncompressed and each time they stand there.</summary>
    public long Bytes { get; set; }
}
