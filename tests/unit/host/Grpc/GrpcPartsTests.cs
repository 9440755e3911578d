using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class GrpcPartsTests
{
    [Theory]
    [InlineData("1H", 3600_000_000_000)]
    [InlineData("2M", 120_000_000_000)]
    [InlineData("3S", 3_000_000_000)]
    [InlineData("4m", 4_000_000)]
    [InlineData("5u", 5_000)]
    [InlineData("1n", 100)]
    [InlineData("0S", 0)]
    public void Timeouts(string text, long nanoseconds)
    {
        Assert.True(GrpcTimeout.TryParse(text, out var timeout));
        Assert.Equal(nanoseconds, timeout.Ticks * 100);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    [InlineData("١S")]
    public void BadTimeouts(string text) => Assert.False(GrpcTimeout.TryParse(text, out _));

    [Fact]
    public void ATimeoutTooLongForATimerIsNone()
    {
        Assert.True(GrpcTimeout.TryParse("99999999H", out var timeout));
        Assert.Equal(Timeout.InfiniteTimeSpan, timeout);
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("100 %", "100 %25")]
    [InlineData("a\r\nb", "a%0D%0Ab")]
    [InlineData("é€", "%C3%A9%E2%82%AC")]
    public void MessagesArePercentEncoded(string text, string expected) => Assert.Equal(expected, GrpcText.Encode(text));

    [Fact]
    public void ALoneSurrogateIsReplaced() => Assert.Equal("%EF%BF%BD", GrpcText.Encode(((char)0xD800).ToString()));

    [Fact]
    public void MessagesAreCutAtAWholeCharacter()
    {
        var encoded = GrpcText.Encode(new string('€', 2000));
        Assert.InRange(encoded.Length, GrpcText.MaxBytes - 12, GrpcText.MaxBytes);
        Assert.EndsWith("%AC", encoded, StringComparison.Ordinal);
    }

    // Bytes worked out by hand from status.proto and error_details.proto.
    [Fact]
    public void RetryInfoOnTheWire()
    {
        using var output = new NativeBuffer();
        GrpcStatusDetails.Write(new GrpcStatus(GrpcStatusCode.Unavailable, "no") { RetryDelay = TimeSpan.FromMilliseconds(5500) }, output);
        var url = "type.googleapis.com/google.rpc.RetryInfo"u8.ToArray();
        byte[] value = [0x0a, 8, 0x08, 5, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]; // 5 s, 500,000,000 ns
        byte[] any = [0x0a, (byte)url.Length, .. url, 0x12, (byte)value.Length, .. value];
        Assert.Equal([0x08, 14, 0x12, 2, (byte)'n', (byte)'o', 0x1a, (byte)any.Length, .. any], output.Written.ToArray());
    }

    [Fact]
    public void BadRequestOnTheWire()
    {
        using var output = new NativeBuffer();
        GrpcStatusDetails.Write(new GrpcStatus(GrpcStatusCode.InvalidArgument, "m") { InvalidField = "f" }, output);
        var url = "type.googleapis.com/google.rpc.BadRequest"u8.ToArray();
        byte[] violation = [0x0a, 1, (byte)'f', 0x12, 1, (byte)'m'];
        byte[] any = [0x0a, (byte)url.Length, .. url, 0x12, 8, 0x0a, 6, .. violation];
        Assert.Equal([0x08, 3, 0x12, 1, (byte)'m', 0x1a, (byte)any.Length, .. any], output.Written.ToArray());
    }
}
