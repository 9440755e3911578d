using System.Globalization;
using System.Text;

namespace Tempo.Engine.Otlp;

/// <summary>
/// OTLP's names of span kinds and status codes, as its JSON and the labels of metrics have them; the place is the number.
/// </summary>
public static class SpanNames
{
    public const int KindServer = 2, KindClient = 3, KindProducer = 4, KindConsumer = 5, StatusError = 2;

    public static readonly string[] Kinds =
        ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];

    public static readonly string[] Statuses = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

    private static readonly byte[][] KindBytes = [.. Kinds.Select(Encoding.UTF8.GetBytes)];
    private static readonly byte[][] StatusBytes = [.. Statuses.Select(Encoding.UTF8.GetBytes)];

    // A number that OTLP does not have is written as such, as protobuf's Go library does.
    public static ReadOnlySpan<byte> Kind(int kind) =>
        (uint)kind < (uint)KindBytes.Length ? KindBytes[kind] : Encoding.UTF8.GetBytes(kind.ToString(CultureInfo.InvariantCulture));

    public static ReadOnlySpan<byte> Status(int status) =>
        (uint)status < (uint)StatusBytes.Length
            ? StatusBytes[status]
            : Encoding.UTF8.GetBytes(status.ToString(CultureInfo.InvariantCulture));

    /// <summary>The name of a kind; one that OTLP does not have is unspecified.</summary>
    public static string KnownKind(int kind) => (uint)kind < (uint)Kinds.Length ? Kinds[kind] : Kinds[0];
}
