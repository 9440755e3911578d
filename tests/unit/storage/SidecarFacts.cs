using System.Text;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>What is in a row group, read the slow way: every key with every value and how often, from the rows themselves.</summary>
internal sealed class SidecarFacts
{
    public Dictionary<(CatalogScope Scope, string Key), long> Owners { get; } = [];

    /// <summary>Values as texts: "s:…", "i:…", "d:…" (its bits), "b:…".</summary>
    public Dictionary<(CatalogScope Scope, string Key, string Value), long> Values { get; } = [];

    public List<ulong> Starts { get; } = [];

    public List<ulong> Durations { get; } = [];

    public static SidecarFacts Of(BlockReader block, int rowGroup)
    {
        var rows = block.OpenRowGroup(rowGroup);
        var facts = new SidecarFacts();
        facts.Add(rows.Read(0, (int)rows.RowCount, BatchColumns.All));
        return facts;
    }

    public void Add(SpanBatch batch)
    {
        Starts.AddRange(batch.StartUnixNano.AsSpan(0, batch.SpanCount));
        Durations.AddRange(batch.DurationNano.AsSpan(0, batch.SpanCount));
        AddAll(batch, AttributeScope.Span, batch.SpanAttributes, batch.AttributeStart, batch.SpanCount);
        AddAll(batch, AttributeScope.Resource, batch.Resources.Attributes, batch.Resources.AttributeStart, batch.Resources.Count);
        AddAll(batch, AttributeScope.Scope, batch.Scopes.Attributes, batch.Scopes.AttributeStart, batch.Scopes.Count);
        AddAll(batch, AttributeScope.Event, batch.Events.Attributes, batch.Events.AttributeStart, batch.Events.Count);
        AddAll(batch, AttributeScope.Link, batch.Links.Attributes, batch.Links.AttributeStart, batch.Links.Count);
        AddTexts(CatalogScope.Resource, "service.name", batch.Resources.ServiceName, batch.Resources.Count);
        AddTexts(CatalogScope.Intrinsic, "name", batch.Name, batch.SpanCount);
        AddTexts(CatalogScope.Intrinsic, "statusMessage", batch.StatusMessage, batch.SpanCount);
        AddTexts(CatalogScope.Intrinsic, "event:name", batch.Events.Name, batch.Events.Count);
        AddTexts(CatalogScope.Intrinsic, "instrumentation:name", batch.Scopes.Name, batch.Scopes.Count);
        AddTexts(CatalogScope.Intrinsic, "instrumentation:version", batch.Scopes.Version, batch.Scopes.Count);
    }

    private void AddAll(SpanBatch batch, AttributeScope scope, AttributeColumns attributes, int[] starts, int owners)
    {
        for (var i = 0; i < starts[owners]; i++) Add((CatalogScope)scope, Text(attributes.Key(i)), [.. ValuesOf(attributes, i)]);
        foreach (var column in batch.Dedicated.Where(column => column.Scope == scope))
            for (var owner = 0; owner < owners; owner++)
                if (column.Start[owner + 1] > column.Start[owner])
                    Add((CatalogScope)scope, Text(column.Key),
                        [.. Enumerable.Range(column.Start[owner], column.Start[owner + 1] - column.Start[owner])
                            .Select(i => column.Type == AttributeType.Int
                                ? $"i:{column.Bits[i]}"
                                : "s:" + Text(column.Values[(int)column.Bits[i]]))]);
    }

    private void AddTexts(CatalogScope scope, string key, StringColumn column, int count)
    {
        for (var i = 0; i < count; i++) Add(scope, key, ["s:" + Text(column[i])]);
    }

    private void Add(CatalogScope scope, string key, string[] values)
    {
        Owners[(scope, key)] = Owners.GetValueOrDefault((scope, key)) + 1;
        foreach (var value in values) Values[(scope, key, value)] = Values.GetValueOrDefault((scope, key, value)) + 1;
    }

    private static IEnumerable<string> ValuesOf(AttributeColumns attributes, int i)
    {
        var bits = attributes.Bits[i];
        var type = attributes.Types[i];
        long[] items = type is >= AttributeType.StringArray and <= AttributeType.BoolArray ? attributes.ArrayItems(i).ToArray() : [bits];
        return type switch
        {
            AttributeType.String or AttributeType.StringArray => items.Select(item => "s:" + Text(attributes.Values[(int)item])).ToList(),
            AttributeType.Int or AttributeType.IntArray => items.Select(static item => $"i:{item}"),
            AttributeType.Double or AttributeType.DoubleArray => items.Select(static item => $"d:{item}"),
            AttributeType.Bool or AttributeType.BoolArray => items.Select(static item => $"b:{item}"),
            _ => [],
        };
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
