using Tempo.Engine.Node.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

public class TokenBucketTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void BeginsFullAndFillsAtTheRate()
    {
        var bucket = new TokenBucket(_time);
        Assert.Equal(TokenAnswer.Taken, bucket.Take(1000, 100, 1000));
        Assert.Equal(TokenAnswer.Wait, bucket.Take(1, 100, 1000));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TokenAnswer.Wait, bucket.Take(201, 100, 1000));
        Assert.Equal(TokenAnswer.Taken, bucket.Take(200, 100, 1000));
        Assert.Equal(TokenAnswer.Wait, bucket.Take(1, 100, 1000));
    }

    [Fact]
    public void HoldsNoMoreThanTheBurst()
    {
        var bucket = new TokenBucket(_time);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TokenAnswer.Taken, bucket.Take(1000, 100, 1000));
        Assert.Equal(TokenAnswer.Wait, bucket.Take(1, 100, 1000));
    }

    [Fact]
    public void MoreThanTheBurstIsNever()
    {
        var bucket = new TokenBucket(_time);
        Assert.Equal(TokenAnswer.Never, bucket.Take(1001, 5000, 1000));
        Assert.Equal(TokenAnswer.Never, bucket.Take(1, 0, 0));
        Assert.Equal(TokenAnswer.Taken, bucket.Take(1000, 5000, 1000));
    }

    [Fact]
    public void AChangedLimitHoldsAtOnce()
    {
        var bucket = new TokenBucket(_time);
        Assert.Equal(TokenAnswer.Taken, bucket.Take(10, 100, 1000));
        Assert.Equal(TokenAnswer.Never, bucket.Take(60, 100, 50));
        Assert.Equal(TokenAnswer.Taken, bucket.Take(50, 100, 50));
        Assert.Equal(TokenAnswer.Wait, bucket.Take(1, 100, 50));
    }
}
