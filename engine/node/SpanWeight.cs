using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node;

/// <summary>Weighs one span of a batch.</summary>
internal static class SpanWeight
{
    // Name, status message and trace state.
    private const int OwnTexts = 3;

    /// <summary>Not less than <see cref="Of"/> but for array items, without looking at a value: each text is taken for the longest one.</summary>
    public static RowWeight Bound(SpanBatch batch, int row, long longestText)
    {
        var attributes = batch.AttributeStart[row + 1] - batch.AttributeStart[row];
        var (firstEvent, endEvent) = (batch.EventStart[row], batch.EventStart[row + 1]);
        var (firstLink, endLink) = (batch.LinkStart[row], batch.LinkStart[row + 1]);
        long parts = endEvent - firstEvent + (endLink - firstLink);
        long pairs = attributes + (batch.Events.AttributeStart[endEvent] - batch.Events.AttributeStart[firstEvent])
            + (batch.Links.AttributeStart[endLink] - batch.Links.AttributeStart[firstLink]);
        return new RowWeight(1 + parts + pairs, (OwnTexts + parts + pairs * 2) * longestText);
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
