using System.Globalization;
using System.Text;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Source;

/// <summary>
/// How many spans a span stands for, by the sampling threshold in its tracestate (<c>ot=th:…</c>, OpenTelemetry's
/// "TraceState: Probability Sampling"): of 2^56 equally likely values those from the threshold on were kept. 1 where it says
/// nothing. Not thread safe.
/// </summary>
internal sealed class SpanWeights
{
    private const int ThresholdDigits = 14;
    private const double Values = 1UL << 56;

    private StringTable? _table;
    private double[] _known = [];

    public double Of(SpanBatch batch, int row)
    {
        var column = batch.TraceState;
        if (column.Codes.Length == 0) return 1;
        if (!ReferenceEquals(_table, column.Table)) (_table, _known) = (column.Table, new double[column.Table.Count]);
        var code = column.Codes[row];
        // A live table may have grown since.
        if (code >= _known.Length) Array.Resize(ref _known, column.Table.Count);
        return _known[code] != 0 ? _known[code] : _known[code] = Parse(column.Table[code]);
    }

    /// <summary>The weight that a tracestate gives.</summary>
    internal static double Parse(ReadOnlySpan<byte> traceState)
    {
        if (traceState.IsEmpty) return 1;
        foreach (var member in Encoding.UTF8.GetString(traceState).Split(','))
        {
            if (member.Trim() is not ['o', 't', '=', .. var pairs]) continue;
            foreach (var pair in pairs.Split(';'))
            {
                if (pair is not ['t', 'h', ':', .. var digits] || digits.Length is 0 or > ThresholdDigits) continue;
                if (!ulong.TryParse(digits.PadRight(ThresholdDigits, '0'), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                    out var threshold))
                    continue;
                return Values / (Values - threshold);
            }
        }

        return 1;
    }
}
