using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>Which traces of the process are written, by the names of <c>OTEL_TRACES_SAMPLER</c>.</summary>
/// <param name="IsParentBased">As whoever asks has decided, if there is somebody.</param>
/// <param name="Ratio">Of the others, 0 to 1.</param>
internal sealed record OwnTraceSampler(bool IsParentBased, double Ratio)
{
    /// <summary>OpenTelemetry's: <c>parentbased_always_on</c>.</summary>
    public static readonly OwnTraceSampler Default = new(IsParentBased: true, Ratio: 1);

    private const string ParentBased = "parentbased_";

    /// <param name="name">Of <c>OTEL_TRACES_SAMPLER</c>; empty: the default.</param>
    /// <param name="argument">Of <c>OTEL_TRACES_SAMPLER_ARG</c>: the part that <c>traceidratio</c> writes; empty: all.</param>
    /// <param name="ignore">Is told what makes no sense.</param>
    public static OwnTraceSampler Of(string name, string argument, Action<string> ignore)
    {
        name = name.ToLowerInvariant();
        var isParentBased = name.StartsWith(ParentBased, StringComparison.Ordinal);
        switch (isParentBased ? name[ParentBased.Length..] : name)
        {
            case "always_on":
                return new OwnTraceSampler(isParentBased, Ratio: 1);
            case "always_off":
                return new OwnTraceSampler(isParentBased, Ratio: 0);
            case "traceidratio":
                if (argument.Length == 0) return new OwnTraceSampler(isParentBased, Ratio: 1);
                if (double.TryParse(argument, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1)
                    return new OwnTraceSampler(isParentBased, ratio);
                ignore($"OTEL_TRACES_SAMPLER_ARG={argument} is no number from 0 to 1");
                return new OwnTraceSampler(isParentBased, Ratio: 1);
            default:
                if (name.Length > 0)
                    ignore($"OTEL_TRACES_SAMPLER={name}: always_on, always_off and traceidratio are there, and each with {ParentBased} in front");
                return Default;
        }
    }

    /// <summary>
    /// A trace that is not written is followed all the same, so that what is below is not taken for the beginning of another. HTTP requests
    /// that are below nothing are of no query: uploads, merges, etcd.
    /// </summary>
    public ActivitySamplingResult Sample(ref ActivityCreationOptions<ActivityContext> creation)
    {
        var hasParent = creation.Parent.TraceId != default;
        if (!hasParent && creation.Source.Name != ProcessSpans.SourceName) return ActivitySamplingResult.None;
        var isWritten =
            hasParent && IsParentBased ? (creation.Parent.TraceFlags & ActivityTraceFlags.Recorded) != 0 : IsChosen(creation.TraceId);
        return isWritten ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData;
    }

    // By the id's last bytes, so that all processes of a trace choose alike.
    private bool IsChosen(ActivityTraceId id)
    {
        if (Ratio >= 1) return true;
        Span<byte> bytes = stackalloc byte[16];
        id.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) >> 1 < Ratio * long.MaxValue;
    }
}
