using System.IO.Pipelines;
using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

/// <summary>How long a body is waited for, and that who waits too long is told so.</summary>
public sealed class BodyPaceTests
{
    [Theory]
    [InlineData(0, 0, 10)]
    [InlineData(0, 4, 6)]
    [InlineData(0, 11, 0)]
    [InlineData(4096, 11, 0)]
    [InlineData(40_960, 11, 9)]
    [InlineData(16 << 20, 11, 10)]
    [InlineData(16 << 20, 4106, 0)]
    public void WhatHasComeEarnsTimeButNoSilence(long received, int elapsed, int left) =>
        Assert.Equal(left, BodyPace.Left(received, TimeSpan.FromSeconds(elapsed)).TotalSeconds);

    [Fact]
    public async Task ABodyThatStallsIsTooSlowAndWhatIsThereIsRead()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var time = TimeProvider.System;
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("hello"u8.ToArray(), cancellation);
        var longAgo = time.GetTimestamp() - 60 * time.TimestampFrequency;
        var there = await BodyPace.ReadAsync(pipe.Reader, time, longAgo, 0, cancellation);
        Assert.Equal((5L, false), (there.Buffer.Length, there.IsCanceled));
        pipe.Reader.AdvanceTo(there.Buffer.End);
        Assert.True((await BodyPace.ReadAsync(pipe.Reader, time, longAgo, 5, cancellation)).IsCanceled);
    }
}
