using System.Globalization;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// How many spans a sampled one stands for: 1 / ratio of an attribute (of the span, else of the resource; what is no ratio is passed over),
/// or what the tracestate's <c>ot=th:</c> says (OpenTelemetry's rejection threshold: the span was kept if 56 random bits were not
/// below T, so it stands for 2^56 / (2^56 − T)). The tracestate goes first where both are asked for: it is the sampler's own word.
/// </summary>
internal sealed class SpanMultiplier
{
    private const int ThresholdDigits = 14;
    private readonly int _spanKey = -1;
    private readonly int _resourceKey = -1;
    private readonly bool _readsTraceState;

    public SpanMultiplier(string attribute, bool readsTraceState, CurrentSpan current)
    {
        _readsTraceState = readsTraceState;
        if (attribute.Length == 0) return;
        _spanKey = current.Span.Ask(attribute);
        _resourceKey = current.Resource.Ask(attribute);
    }

    /// <summary>Every span counts as one.</summary>
    public bool IsAlwaysOne => _spanKey < 0 && !_readsTraceState;

    public double Of(CurrentSpan current, in SpanFields span)
    {
        if (_readsTraceState && OfTraceState(span.TraceState) is var byState && byState > 0) return byState;
        if (_spanKey < 0) return 1;
        return TryOfRatio(current.Span.Number(_spanKey), out var multiplier)
            || TryOfRatio(current.Resource.Number(_resourceKey), out multiplier) ? multiplier : 1;
    }

    private static bool TryOfRatio(double ratio, out double multiplier)
    {
        multiplier = 1 / ratio;
        return ratio > 0 && double.IsFinite(multiplier);
    }

    /// <summary>0 if the state has no threshold. For states such as <c>vendor=x,ot=rv:1f;th:c</c>.</summary>
    internal static double OfTraceState(ReadOnlySpan<byte> state)
    {
        while (!state.IsEmpty)
        {
            var member = Next(ref state, (byte)',').Trim((byte)' ');
            if (!member.StartsWith("ot="u8)) continue;
            var fields = member["ot="u8.Length..];
            while (!fields.IsEmpty)
            {
                var field = Next(ref fields, (byte)';');
                if (field.StartsWith("th:"u8)) return OfThreshold(field["th:"u8.Length..]);
            }
        }

        return 0;
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest, byte separator)
    {
        var end = rest.IndexOf(separator);
        var part = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return part;
    }

    private static double OfThreshold(ReadOnlySpan<byte> hex)
    {
        if (hex.Length is 0 or > ThresholdDigits
            || !ulong.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var threshold)) return 0;
        threshold <<= 4 * (ThresholdDigits - hex.Length);
        return (double)(1UL << 56) / ((1UL << 56) - threshold);
    }
}
