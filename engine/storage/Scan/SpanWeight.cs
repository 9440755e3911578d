namespace Tempo.Engine.Storage.Scan;

/// <summary>Weighs one span of a batch.</summary>
public static class SpanWeight
{
    // Name, status message and trace state.
    private const int OwnTexts = 3;

    /// <summary>
    /// Not less than <see cref="Of"/> but for array items, without looking at a value: each text is taken for the longest one.
    /// </summary>
    public static RowWeight Bound(SpanBatch batch, int row, long longestText)
    {
        var attributes = batch.AttributeStart[row + 1] - batch.AttributeStart[row];
        var (firstEvent, endEvent) = (batch.EventStart[row], batch.EventStart[row + 1]);
        var (firstLink, endLink) = (batch.LinkStart[row], batch.LinkStart[row + 1]);
        long parts = endEvent - firstEvent + (endLink - firstLink);
        long pairs = attributes + (batch.Events.AttributeStart[endEvent] - batch.Events.AttributeStart[firstEvent])
            + (batch.Links.AttributeStart[endLink] - batch.Links.AttributeStart[firstLink]);
        foreach (var column in batch.Dedicated)
            if (column.Scope == AttributeScope.Span) pairs += column.Start[row + 1] - column.Start[row];
            else if (column.Scope == AttributeScope.Event) pairs += column.Start[endEvent] - column.Start[firstEvent];
        return new RowWeight(1 + parts + pairs, (OwnTexts + parts + pairs * 2) * longestText);
    }

    /// <summary>Bytes of the longest text that a span, event or link of the batch may have.</summary>
    public static int LongestText(SpanBatch batch)
    {
        var longest = Math.Max(Longest(batch.Name.Table, null),
            Math.Max(Longest(batch.StatusMessage.Table, batch.Name.Table), Longest(batch.TraceState.Table, batch.Name.Table)));
        longest = Math.Max(
            longest, Math.Max(Longest(batch.Events.Name.Table, batch.Name.Table), Longest(batch.Links.TraceState.Table, batch.Name.Table)));
        foreach (var attributes in (AttributeColumns[])[batch.SpanAttributes, batch.Events.Attributes, batch.Links.Attributes])
            longest =
                Math.Max(longest, Math.Max(Longest(attributes.KeyTable, batch.Name.Table), Longest(attributes.Values, batch.Name.Table)));
        foreach (var column in batch.Dedicated)
            if (column.Scope != AttributeScope.Resource && column.Type == AttributeType.String)
                longest = Math.Max(longest, Math.Max(column.Key.Length, Longest(column.Values, batch.Name.Table)));
        return longest;
    }

    // Live batches have one table for everything: it is looked at once.
    private static int Longest(StringTable table, StringTable? seen)
    {
        if (ReferenceEquals(table, seen)) return 0;
        var longest = 0;
        for (var code = 0; code < table.Count; code++) longest = Math.Max(longest, table.Offsets[code + 1] - table.Offsets[code]);
        return longest;
    }

    /// <summary>Array items of the batch's spans, events and links.</summary>
    public static long ArrayItems(SpanBatch batch) =>
        (long)batch.SpanAttributes.ItemCount + batch.Events.Attributes.ItemCount + batch.Links.Attributes.ItemCount;

    /// <summary>The span's weight, every text looked at.</summary>
    public static RowWeight Of(SpanBatch batch, int row)
    {
        var (firstEvent, endEvent) = (batch.EventStart[row], batch.EventStart[row + 1]);
        var (firstLink, endLink) = (batch.LinkStart[row], batch.LinkStart[row + 1]);
        var weight = new RowWeight(
            1 + (endEvent - firstEvent) + (endLink - firstLink),
            batch.Name[row].Length + batch.StatusMessage[row].Length + batch.TraceState[row].Length);
        for (var i = firstEvent; i < endEvent; i++) weight.TextBytes += batch.Events.Name[i].Length;
        for (var i = firstLink; i < endLink; i++) weight.TextBytes += batch.Links.TraceState[i].Length;
        weight.Add(Of(batch.SpanAttributes, batch.AttributeStart[row], batch.AttributeStart[row + 1]));
        weight.Add(Of(batch.Events.Attributes, batch.Events.AttributeStart[firstEvent], batch.Events.AttributeStart[endEvent]));
        weight.Add(Of(batch.Links.Attributes, batch.Links.AttributeStart[firstLink], batch.Links.AttributeStart[endLink]));
        foreach (var column in batch.Dedicated)
            if (column.Scope == AttributeScope.Span) weight.Add(Of(column, row, row + 1));
            else if (column.Scope == AttributeScope.Event) weight.Add(Of(column, firstEvent, endEvent));
        return weight;
    }

    private static RowWeight Of(DedicatedColumn column, int fromOwner, int toOwner)
    {
        var values = column.Bits.AsSpan(column.Start[fromOwner]..column.Start[toOwner]);
        var weight = new RowWeight(values.Length, (long)values.Length * column.Key.Length);
        if (column.Type == AttributeType.String)
            foreach (var code in values)
                weight.TextBytes += column.Values[(int)code].Length;
        return weight;
    }

    private static RowWeight Of(AttributeColumns attributes, int from, int to)
    {
        var weight = new RowWeight(to - from, 0);
        for (var i = from; i < to; i++)
        {
            weight.TextBytes += attributes.Key(i).Length;
            switch (attributes.Types[i])
            {
                case AttributeType.String or AttributeType.AnyValue or AttributeType.AnyValueJson:
                    weight.TextBytes += attributes.String(i).Length;
                    break;
                case AttributeType.StringArray:
                    foreach (var code in attributes.ArrayItems(i)) weight.TextBytes += attributes.Values[(int)code].Length;
                    weight.Entries += attributes.ArrayItems(i).Length;
                    break;
                case AttributeType.IntArray or AttributeType.DoubleArray or AttributeType.BoolArray:
                    weight.Entries += attributes.ArrayItems(i).Length;
                    break;
                default:
                    break;
            }
        }

        return weight;
    }
}
