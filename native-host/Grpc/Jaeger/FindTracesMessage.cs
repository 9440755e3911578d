using System.Text;
using Tempo.Engine.Otlp.Wire;
using Tempo.Host.Config;
using Tempo.Host.Foreign;

namespace Tempo.Host.Grpc.Jaeger;

/// <summary>
/// Reads jaeger.api_v3.FindTracesRequest (Protos/jaeger.proto). A service is needed; without a range it is the last hour.
/// </summary>
internal sealed class FindTracesMessage
{
    private const int DefaultLimit = 100;
    private const long SecondNano = 1_000_000_000;
    private const long HourSeconds = 3600;

    public SpanQuery Spans { get; } = new();
    public TimeRange Range { get; private set; }
    public int Limit { get; private set; } = DefaultLimit;

    /// <summary>False with the text for the client.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> message, SearchLimits limits, DateTimeOffset now, out FindTracesMessage query, out string error)
    {
        query = new FindTracesMessage();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == Bytes(1) && reader.TryReadBytes(out var parameters))
            {
                if (!query.TryReadParameters(parameters, limits, now, out error)) return false;
                return true;
            }

            if (!reader.TrySkip(tag)) break;
        }

        error = "missing query";
        return false;
    }

    private bool TryReadParameters(ReadOnlySpan<byte> message, SearchLimits limits, DateTimeOffset now, out string error)
    {
        var (service, start, end, min, max) = ("", 0L, 0L, 0L, 0L);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            switch (tag >> WireType.NumberShift)
            {
                case 1 when reader.TryReadBytes(out var text):
                    service = Encoding.UTF8.GetString(text);
                    break;
                case 2 when reader.TryReadBytes(out var text):
                    if (!text.IsEmpty) Spans.HasName(Encoding.UTF8.GetString(text));
                    break;
                case 3 when reader.TryReadBytes(out var entry):
                    var (key, value) = MessageParts.ReadTextEntry(entry);
                    Spans.HasTag(key, value);
                    break;
                case 4 when reader.TryReadBytes(out var time):
                    start = MessageParts.ReadTime(time).Seconds;
                    break;
                case 5 when reader.TryReadBytes(out var time):
                    end = MessageParts.ReadTime(time).Seconds + 1;
                    break;
                case 6 when reader.TryReadBytes(out var time):
                    min = Nanoseconds(MessageParts.ReadTime(time));
                    break;
                case 7 when reader.TryReadBytes(out var time):
                    max = Nanoseconds(MessageParts.ReadTime(time));
                    break;
                case 8 when reader.TryReadVarint(out var depth):
                    if (depth > 0) Limit = (int)Math.Min(depth, int.MaxValue);
                    break;
                default:
                    if (!reader.HasFailed) reader.TrySkip(tag);
                    break;
            }

            if (reader.HasFailed) break;
        }

        if (reader.HasFailed) error = $"grpc: error unmarshalling request: {reader.Error.Message}";
        else if (service.Length == 0) error = "service name is required";
        else if (Spans.Count > SpanQuery.MaxConditions) error = $"at most {SpanQuery.MaxConditions} conditions are taken";
        else if (limits.MaxLimit > 0 && Limit > limits.MaxLimit) error = $"search_depth {Limit} exceeds max limit {limits.MaxLimit}";
        else error = CheckRange(limits, now, start, end);
        if (error.Length > 0) return false;
        Spans.HasService(service);
        Spans.LastsBetween(min, max);
        return true;
    }

    private string CheckRange(SearchLimits limits, DateTimeOffset now, long start, long end)
    {
        if (end <= 0) end = now.ToUnixTimeSeconds() + 1;
        if (start <= 0) start = Math.Max(0, end - HourSeconds);
        Range = new TimeRange(start, end);
        if (start > end) return "start_time_min is after start_time_max";
        var maxSeconds = (long)limits.MaxDuration.TotalSeconds;
        return maxSeconds > 0 && end - start > maxSeconds + 1 ? $"the range of time exceeds {GoDuration.Format(limits.MaxDuration)}" : "";
    }

    // Of a duration; out of range ones are as good as none.
    private static long Nanoseconds((long Seconds, int Nano) time) =>
        time.Seconds is < 0 or > long.MaxValue / SecondNano - 1 ? 0 : time.Seconds * SecondNano + time.Nano;

    private static uint Bytes(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;
}
