using System.Globalization;
using System.Text;

namespace Tempo.Engine.Query;

/// <summary>
/// What a client was sent of the series of a range query, so that each sample goes out once. A sample that has another value after all
/// (a query that began anew, because a block vanished under it) goes out again; clients take the later one. Memory: 16 bytes a
/// sample sent. Not thread safe.
/// </summary>
public sealed class SentSamples
{
    private readonly Dictionary<string, List<SampleResult>> _sent = new(StringComparer.Ordinal);

    /// <summary>Of these series what the client has not, which counts as sent from now on; samples of each ascend in time.</summary>
    public List<TimeSeriesResult> Take(IReadOnlyList<TimeSeriesResult> series)
    {
        var unsent = NotSent(series);
        foreach (var one in series) _sent[Key(one.Labels)] = one.Samples;
        return unsent;
    }

    /// <summary>Of a whole answer what the client has not, with all exemplars.</summary>
    public List<TimeSeriesResult> NotSent(IReadOnlyList<TimeSeriesResult> series)
    {
        var unsent = new List<TimeSeriesResult>(series.Count);
        foreach (var one in series)
        {
            if (!_sent.TryGetValue(Key(one.Labels), out var sent))
            {
                unsent.Add(one);
                continue;
            }

            var rest = new TimeSeriesResult { Labels = one.Labels };
            rest.Exemplars.AddRange(one.Exemplars);
            AddUnsent(one.Samples, sent, rest.Samples);
            if (rest.Samples.Count + rest.Exemplars.Count > 0) unsent.Add(rest);
        }

        return unsent;
    }

    private static void AddUnsent(List<SampleResult> samples, List<SampleResult> sent, List<SampleResult> unsent)
    {
        var next = 0;
        foreach (var sample in samples)
        {
            while (next < sent.Count && sent[next].TimestampMs < sample.TimestampMs) next++;
            if (next == sent.Count || sent[next] != sample) unsent.Add(sample);
        }
    }

    // Keys and values with their types and lengths, so that no two label sets share a text.
    private static string Key(IReadOnlyList<AttributeResult> labels)
    {
        var key = new StringBuilder();
        foreach (var (name, value) in labels)
        {
            var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            key.Append(name.Length).Append(':').Append(name).Append(value.GetType().Name).Append(text.Length).Append(':').Append(text);
        }

        return key.ToString();
    }
}
