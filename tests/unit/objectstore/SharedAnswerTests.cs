namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>Who asks at once waits for one answer, as long as it wants to.</summary>
public sealed class SharedAnswerTests
{
    private readonly SharedAnswer<int> _answer = new();
    private readonly List<TaskCompletionSource<int>> _asked = [];

    [Fact]
    public async Task Who_gives_up_leaves_the_answer_to_the_others()
    {
        using var impatient = new CancellationTokenSource();
        var (first, second) = (GetAsync(impatient.Token), GetAsync(default));
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var third = GetAsync(default);
        Assert.Single(_asked).SetResult(7);
        Assert.Equal((7, 7), (await second, await third));
    }

    [Fact]
    public async Task An_answer_is_for_those_who_have_asked_before_it_came()
    {
        var (first, second) = (GetAsync(default), GetAsync(default));
        Assert.Single(_asked).SetException(new IdentityException("not now", isTransient: true));
        await Assert.ThrowsAsync<IdentityException>(() => first);
        await Assert.ThrowsAsync<IdentityException>(() => second);
        var third = GetAsync(default);
        _asked[1].SetResult(8);
        Assert.Equal(8, await third);
    }

    private Task<int> GetAsync(CancellationToken cancellation) => _answer.GetAsync(
        () =>
        {
            _asked.Add(new TaskCompletionSource<int>());
            return _asked[^1].Task;
        }, cancellation);
}
