namespace Tempo.Engine.Query.Evaluate;

/// <summary>Kleene's three values, ordered, so that "and" is the smaller and "or" the greater one.</summary>
internal enum Truth
{
    False = 0,
    Maybe = 1,
    True = 2,
}
